"""Finds treatment that does not run while production does, and meters that cannot be believed.

Pure: takes times and watts, returns episodes; no clock, socket, file or thread. `Detector` in `detector` is
what a gateway runs, `LinkageParams` in `params` what it knows of a linkage. How these are learned is in
`learning`, which needs numpy and is imported only where a plant is commissioned.
"""
