"""Marks for people: whether power bears them out, and the effective transmission rate, over a chain.

What a mark is and how it is checked stands in `evidence/marks`; nothing here makes or changes one.
"""
