"""The evidence pack: what it holds, its container, its export out of a chain, and its proof.

No page and no text for a reader: they are in `provisioning.evidence`.
"""
