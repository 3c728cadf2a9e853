"""Parameters out of recorded loads: commissioning, learning again, backtest. Needs numpy.

The daemon loads none of it.
"""
