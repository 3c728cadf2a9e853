"""What the centre may change at a gateway from afar, and what makes it come back by itself.

Who may order it is decided in `evidence/orders`; nothing here runs a program or touches keys and chain.
"""
