"""`dianjian evidence`, `verify`, `export` and `explain`: packs made, checked and written for readers.

The format of a pack and its proof are in `evidence.pack`; nothing is decided here.
"""
