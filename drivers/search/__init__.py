"""Finding meters: probing addresses, asking what a meter is, SunSpec discovery, what is plausible.

What is found is read by `drivers.poll`.
"""
