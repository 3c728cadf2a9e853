"""The live view of a running agent: its local socket, its loads of late, the figures of its buses.

It shows and decides nothing.
"""
