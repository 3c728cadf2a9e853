"""DL/T 645 meters: the codec, one transaction, and the bus.

The search for such meters is in `drivers.search`.
"""
