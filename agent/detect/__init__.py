"""Finds treatment that does not run while production does, and meters that cannot be believed.

Pure: takes times and watts, returns episodes; no clock, socket, file or thread. Floors, a file
imports only from those before it:
line_params, params · correlation, window, deficit, orphans, episode, sentence · trace, line, linkage ·
findings, line_findings, status, retrospect · detector ·
series, thresholds, learn, replay, exception_list · commission.

Those after the detector need numpy and are imported only where a plant is commissioned, so that the
daemon does without. `detector.Detector` is what a gateway runs, `commission.commission` what learns
its parameters, `params.LinkageParams` what stands between them.
"""
