"""Conversations of HJ 212 with a platform: what is answered, repeated and given up; pure.

Not here: bytes of packets (`drivers.hj212`), queues, sockets and files (`wire.platforms`).
"""
