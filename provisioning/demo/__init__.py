"""`dianjian demo`: a plant's shift in about eighty seconds, every part real but the plant itself.

Only the demo lives here; the broker that it starts is also what tests start.
"""
