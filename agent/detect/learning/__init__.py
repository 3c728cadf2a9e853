"""Parameters out of recorded loads: commissioning, learning again, backtest.

The daemon loads none of it.
"""
