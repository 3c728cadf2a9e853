"""Modbus and DL/T 645 meters: from a URL and a model file to readings that say what the meter answered.

Nothing here knows of records, sites or plants; `models/` has one meter model a file, with its golden frames.
"""
