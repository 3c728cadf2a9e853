"""The acceptance sheet: its parts, its page and the trial that it reports.

It is printed through `provisioning.pages` and checked against the chain in `provisioning.evidence`.
"""
