"""Reads configured meters: the meter, its schedule, and recordings of a bus session.

Unknown meters are found by `drivers.search`.
"""
