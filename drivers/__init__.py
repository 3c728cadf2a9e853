"""Modbus meters: from a URL and a model file to readings that say what the meter answered.

Floors of this package, a file imports only from those before it:
errors, clock · registers, reading · point, model · plan · verdict, rtu, frame · ledger · transaction ·
transport, bus_url, bus · meter · schedule, probe.
"""
