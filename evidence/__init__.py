"""Records, seals, keys, statements, receipts, and the check that needs nothing but the first key.

Start with `cbor`, `record`, `seal`, `verify`; the schema is `records.cddl`. No socket and no thread.
"""
