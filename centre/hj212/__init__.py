"""Verified readings to platforms of others by HJ 212: hosts, code tables, intervals, the queue, the service.

Not here: the bytes of a packet (`drivers.hj212`), what is answered and repeated when (`wire.hj212`).
"""
