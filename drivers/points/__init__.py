"""From a meter model to values: model files, points, tables, registers, decoding, the read plan.

Nothing here sends a byte.
"""
