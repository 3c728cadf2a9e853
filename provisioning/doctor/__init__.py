"""`dianjian doctor`: one module for each kind of check, and the bundle for support.

A check looks and says what to do; it changes nothing.
"""
