"""`dianjian setup`, the guided session: one module per step, and the questions it asks.

Its results are kept in `provisioning.journal`; the wiring check is `provisioning.wiring`.
"""
