"""From the centre's store to platforms by HJ 212: what of it is whole, and how it is read on.

Not here: hosts, queue and connections (`wire.platforms`), which the gateway has too.
"""
