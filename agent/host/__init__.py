"""The machine under the agent: boot, clock, heartbeat, log, service manager, certificate's end.

It knows neither meters nor the broker.
"""
