"""Modbus meters: from a URL and a model file to readings that say what the meter answered.

Floors of this package, a file imports only from those before it:
errors, clock · registers, reading · point, model · plan · verdict, rtu, frame · ledger, patience,
transport · waiting · transaction, dlt645_exchange, bus_url · line · bus · meter · schedule, probe.
"""
