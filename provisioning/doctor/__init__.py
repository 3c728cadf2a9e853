"""`dianjian doctor`: one module for each kind of check, and the bundle for support.

A check reports what it finds and what to do; it changes nothing.
"""
