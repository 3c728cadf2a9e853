"""Alerts at the gateway: its readings judged as they come, sealed, and kept over a restart.

What is asked and what a verdict is stand in `evidence.response` and `evidence.curtailment`.
"""
