"""Finding meters: probing addresses, naming models, SunSpec discovery, plausibility.

Meters that are known are read by `drivers.poll`.
"""
