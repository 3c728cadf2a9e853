"""The centre's orders: the ledger of what was signed, what is published of it, the board of what came back.

What an order is stands in `evidence/orders/`; what an officer types in `provisioning/centre/`.
"""
