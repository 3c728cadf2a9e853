"""The status page: its server, its gate, and the tables and curves on it.

It reads the chain and the status socket, and changes nothing.
"""
