"""The machine under the agent: its health, log, service manager, certificate's end, version.

Nothing of meters, chain or broker.
"""
