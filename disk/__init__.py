"""What survives a power cut: the database under a store, the lock of a folder, files written whole.

No table and no format of the product lives here; SQL stays in here and in the stores.
"""
