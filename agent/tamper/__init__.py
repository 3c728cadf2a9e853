"""What a meter shows beyond its values: settings, energy against power, neighbours, frozen values, latency.

Each is a record with its numbers; no verdict about a plant is made here (`agent.detect`).
"""
