"""`dianjian commission` and `dianjian backtest`: loads read, thresholds learned, outcomes shown.

The learning itself is in `agent.detect.learning`.
"""
