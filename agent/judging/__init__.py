"""Between readings and findings: powers of lines, the detector's feed, checkpoints, and what failed.

The rules themselves are in `agent.detect` and `agent.tamper`.
"""
