"""Closed months as files, and what the store keeps of them.

`months` says which months are closed, `month_file` writes and proves the file of one, `retention` goes over
all of them.
"""
