"""The gateway: readings in, sealed records out, delivered until the centre has signed for them.

It imports nothing from the centre; code that must compute the same on both sides is pure, in `evidence`.
"""
