"""Files: the database of a store and its lock, files written whole, files of lines, tables that people write.

No schema or format of the product is here. SQL is only here and in the stores.
"""
