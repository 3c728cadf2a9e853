"""The centre's store: its contract, the SQLite file behind it, and readers beside the owner of that file.

Nothing is verified or answered here: that is `centre.core`, which knows the contract alone.
"""
