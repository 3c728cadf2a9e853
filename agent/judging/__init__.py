"""Between readings and findings: powers of lines, the detector's feed, checkpoints, and faults.

The rules themselves are in `agent.detect` and `agent.tamper`.
"""
