"""A plant that does not exist: load profiles, meters that lie when told to, and the buses they hang on.

An opponent, not an accomplice: no package but the command line may import it, and it imports only drivers.
"""
