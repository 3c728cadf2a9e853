"""One batch at the centre: what a seal, a body and a statement do to their chain, up to the commit.

Each file is pure: `utc_ms` comes from the caller, and what is to be stored is a list of changes until
`ending` commits it. Which message is what says `centre.core`; the limits of a gateway are `centre.gateway`.
"""
