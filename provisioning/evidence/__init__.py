"""`dianjian evidence`, `verify`, `export` and `explain`: packs made, checked and written for readers.

What a pack is and what proves it lives in `evidence.pack`; nothing is decided here.
"""
