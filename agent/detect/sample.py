"""One sample of one line, as it came: what a slot keeps until it is closed."""

Sample = tuple[float, int, float | None, float | None, float | None]
"""Time (UTC seconds), watts, power factor, current in A, voltage in V; None where the meter gave none.

The channels after the watts stay as they came, because most of them are never read; `channels.channels_of`
checks them when they are.
"""
