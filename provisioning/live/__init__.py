"""A running agent, watched: `dianjian status`, `bus`, and `web` with its page.

Only what the agent's status socket and its chain say; nothing is asked of meters.
"""
