"""What a gateway does with an order: it judges, seals, answers, and remembers over restarts.

What an order is and who may give one is in `evidence/orders/`, how it arrives in `wire/`.
"""
