"""Sentences for readers, in Chinese and English.

Texts used by only one package are in that package.
"""
