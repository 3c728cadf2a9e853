"""The gateway: readings in, sealed records out, delivered until the centre has signed for them.

It imports nothing of the centre; what both must compute alike is pure and stands in `evidence`.
"""
