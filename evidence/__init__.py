"""Evidence: records, seals, keys, receipts, and the check that needs nothing but the first key.

Read in this order: `cbor` (one encoding for one value), `record` (what is signed for), `cose` and
`seal` (how it is signed and chained), `keys` (who signs, and how a key is destroyed), `sealer` (the
order of steps that survives a crash), `verify` (the other side), `receipt` (what the centre
answers), `export` (a chain as a file). The schema of all of it is `records.cddl`.
"""
