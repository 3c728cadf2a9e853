"""Files beside the chain at the centre: what is sealed of them, what is wanted, where they are kept.

Their bytes are compared with the sealed hash and never looked into.
"""
