"""What survives a power cut: the database under a store, its lock, files written whole, files of lines.

No table and no format of the product is here. SQL is here and in the stores only.
"""
