"""Marks that the gateway makes by itself: contact, starts and maintenance, sealed once they have closed.

Not here: what such a mark is (`evidence.marks.automatic`), marks of persons (`agent.inbox`), what power says
about either (`provisioning.marks`).
"""
