"""The byte stream to meters and its distrust: port, transport, waiting, patience, ledger, verdict.

No protocol: Modbus and DL/T 645 have folders of their own.
"""
