"""The site file: reads and checks it, and makes the settings of each part of the agent.

Nothing here runs or connects.
"""
