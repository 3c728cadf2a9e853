"""The setup file: what the guided session has found, written after every answer.

It knows no question and no screen: those are in `provisioning.setup`.
"""
