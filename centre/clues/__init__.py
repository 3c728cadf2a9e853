"""Clues at the centre: the ledger in its file, where clues come from in the store, the bytes that links name.

What a step is and how a ledger is checked is in `evidence/clues/`, what an officer types in
`provisioning/centre/clues/`.
"""
