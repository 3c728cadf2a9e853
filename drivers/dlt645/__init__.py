"""DL/T 645 meters: the codec, one exchange, and the bus.

How such meters are searched for is in `drivers.search`.
"""
