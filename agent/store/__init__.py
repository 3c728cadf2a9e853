"""The gateway's database, which is also its queue: rows of seals, ballast, salvage of a destroyed file.

Read `gateway` first. Opening a file and its errors: `disk.database`.
"""
