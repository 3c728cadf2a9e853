"""The spool: records that wait for a seal, in memory that outlives the process and not the boot.

frames   the bytes of the file, pure
place    which folder, and whether it is memory
spool    the file itself
"""
