"""From a meter model to values: model files, points, tables, registers, decoding, the read plan.

No byte is sent from here.
"""
