"""From the store to the broker: which message goes next, how many may be under way, what a receipt allows.

The messages and the MQTT connection are in `wire`; nothing here proves anything to anybody, `evidence` does.
"""
