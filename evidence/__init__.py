"""The evidence format: records, seals, keys, statements and receipts, and how they are verified.

Start with `cbor`, `record`, `seal`, `verify`; the schema is `records.cddl`. No socket and no thread.
"""
