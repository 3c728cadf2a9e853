"""Modbus meters: from a URL and a model file to readings that say what the meter answered.

Floors of this package, a file imports only from those before it:
errors, clock · registers, reading · model · plan · frame · bus · meter · probe.
"""
