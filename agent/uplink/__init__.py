"""From the store to the broker: which message goes next, how many may be in flight, what a receipt allows.

The messages and the MQTT connection are in `wire`; proofs are in `evidence`.
"""
