"""Learns parameters from recorded loads: commissioning, relearning, backtest. Needs numpy.

The daemon loads none of it.
"""
