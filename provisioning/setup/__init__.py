"""`dianjian setup`, the guided session: one step a module, and the questions it asks.

What it found is kept in `provisioning.journal`; the wiring check is `provisioning.wiring`.
"""
