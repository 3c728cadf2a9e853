"""The evidence pack: its content, container and proof; and the export of a whole chain.

Pages and texts for readers are in `provisioning.evidence`.
"""
