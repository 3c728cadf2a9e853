"""The command line for technicians and centres: one room a task, `cli` alone at the root.

The only package that may import all others; nothing is decided here that a gateway or a centre decides.
"""
