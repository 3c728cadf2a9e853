"""Readings of the own chain to platforms by HJ 212, in a thread of its own that nothing else waits for.

Not here: hosts, intervals, queue and connections (`wire.platforms`); what the site file says (`agent.site`).
"""
