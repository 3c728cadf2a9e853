"""Modbus and DL/T 645 meters: from a URL and a model file to readings of what the meter answered.

Nothing here knows records, sites or plants; `models/` has one file per meter model, with its golden frames.
"""
