"""The command line for technicians and centres: one package per task, only `cli` at the root.

The only package that may import all others; decisions of a gateway or a centre are not made here.
"""
