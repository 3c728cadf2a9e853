"""Clues: what officers have signed about findings, the check of their ledger, and the recheck by power; pure.

Where the ledger lies and where clues come from is in `centre/clues/`, what an officer types in
`provisioning/centre/clues/`.
"""
