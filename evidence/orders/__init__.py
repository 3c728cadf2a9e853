"""What comes down to a gateway, signed: orders, the number of the newest, certificates; and their check.

What a gateway does with an order is in `agent/orders/`, what the centre sends and shows in `centre/orders/`.
"""
