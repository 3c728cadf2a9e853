"""A simulated plant: load profiles, meters that can be scripted to misbehave, and their buses.

It is an independent opponent: only the command line may import it, and it imports only drivers and disk.
"""
