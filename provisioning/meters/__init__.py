"""`dianjian read`, `scan`, `identify` and `models`: meters on a bus, before an agent runs.

How a meter is found and read is decided in `drivers`.
"""
