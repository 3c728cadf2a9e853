"""Modbus: frames of RTU and TCP, one transaction, and the bus.

What the registers mean is in `drivers.points`.
"""
