"""`dianjian hj212`: packets and conversations of HJ 212 in words, and the sender of the centre.

Not here: what is sent to whom and when (`wire.platforms`, `wire.hj212`), the bytes (`drivers.hj212`).
"""
