"""Recorded loads as people export them: which columns, times, numbers and units a table has, and its rows.

What is learned from them is in `provisioning.learning`; how thresholds are learned, in
`agent.detect.learning`.
"""
