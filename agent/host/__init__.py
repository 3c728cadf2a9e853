"""The machine under the agent: boot, clock, heartbeat, log, service manager, certificate's end, version.

Nothing of meters or broker.
"""
