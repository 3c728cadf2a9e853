"""The byte stream to meters and its distrust: transport, port, transaction, reply wait, ledger, verdict.

No protocol: Modbus and DL/T 645 have folders of their own.
"""
