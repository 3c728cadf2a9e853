"""The reference subscriber: verifies what gateways publish, commits it, then answers with receipts.

It imports nothing of the gateway's package: it trusts bytes and keys, not our own code on the other side.
"""
