"""The setup file: the results of the guided session, written after every answer.

Questions and screens are in `provisioning.setup`.
"""
