"""The untrusted byte stream to meters: transport, port, transaction, reply wait, ledger, verdict.

It contains no protocol: Modbus and DL/T 645 have folders of their own.
"""
