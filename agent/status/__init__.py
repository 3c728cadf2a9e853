"""The live view of a running agent: its socket, load history of lines, figures of buses.

It shows and decides nothing.
"""
