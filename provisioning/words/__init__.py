"""Sentences for readers, in Chinese and English.

Words of one room alone lie in that room.
"""
