"""What the plant says of itself: named persons, declarations and answers to orders, files beside the chain.

What a declaration is worth beside power stands in `evidence/marks/`; this room brings it into the chain.
"""
