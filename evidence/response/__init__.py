"""The response to an alert, from its orders to the verdict of each line: what gateway and centre run alike.

Pure: no clock, socket or file. What a baseline or a verdict is stands in `evidence.curtailment`.
"""
