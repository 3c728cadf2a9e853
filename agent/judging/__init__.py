"""Between readings and the detector: powers of lines, the detector's feed, its checkpoints.

The rules themselves are in `agent.detect`.
"""
