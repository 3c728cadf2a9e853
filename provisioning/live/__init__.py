"""Watching a running agent: `dianjian status`, `bus`, and `web` with its page.

The data come only from the agent's status socket and its chain; meters are never polled.
"""
