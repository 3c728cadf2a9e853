"""The gateway's database, which is also its queue: rows of seals, ballast, salvage of a destroyed file.

Read `gateway` first. How a file is opened and what its errors mean is `disk.database`.
"""
