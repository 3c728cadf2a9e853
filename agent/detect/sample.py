"""One sample of one line, as it came: what a slot keeps until it is closed."""

Sample = tuple[float, int, float | None, float | None, float | None]
"""Time, watts, power factor, current in A, voltage in V; None was not said.

The other channels stay as they came, because most of them are never read; `channels.channels` says what they
are worth.
"""
