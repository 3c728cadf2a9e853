"""Reading configured meters: the meter, its schedule, and recordings of a bus session.

Meters that nobody knows yet are the matter of `drivers.search`.
"""
