"""The live view of a running agent: its socket, load history of lines, figures of buses.

It only shows, and decides nothing.
"""
