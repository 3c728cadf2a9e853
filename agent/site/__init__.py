"""The site file: read, checked, and turned into what each part of the agent is given.

Nothing here runs or connects.
"""
