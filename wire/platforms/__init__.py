"""Readings to platforms of others by HJ 212: hosts, code tables, intervals, the queue, connections, the loop.

Gateway and centre share it; where the readings come from is theirs (`agent.platforms`, `centre.hj212`). Not
here: the bytes of a packet (`drivers.hj212`), what is answered and repeated when (`wire.hj212`).
"""
