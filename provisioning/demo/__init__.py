"""`dianjian demo`: a plant's shift in about eighty seconds, every part real but the plant itself.

Only the demo is here; tests use its broker too.
"""
