"""Finds meters: probes addresses, identifies models, SunSpec discovery, plausibility.

Known meters are read by `drivers.poll`.
"""
