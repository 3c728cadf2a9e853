"""Modbus: frames of RTU and TCP, one transaction, and the bus.

The meaning of registers is in `drivers.points`.
"""
