"""What the centre keeps of one gateway, and the limits of it: `budget` has the rule.

Each file is pure and knows neither store nor connection.
"""
