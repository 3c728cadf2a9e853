"""`dianjian centre clues`: the ledger of clues for officers, one group of verbs a file.

What a step is, which may follow and how a ledger is checked is in `evidence/clues/`, its file in
`centre/clues/`.
"""
