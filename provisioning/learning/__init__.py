"""`dianjian commission` and `dianjian backtest`: loads read, thresholds learned, outcomes shown.

What is learned is decided in `agent.detect.learning`.
"""
