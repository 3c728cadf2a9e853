"""Finds treatment that does not run while production does, and meters that cannot be believed.

Pure: takes times and watts, returns episodes; no clock, socket, file or thread. Floors, a file
imports only from those before it:
line_params · channels, correlation, window, deficit, orphans, interruptions, episode · params, sentence ·
trace, line, linkage · causes, feed_params · findings, line_findings, feed_findings, status, retrospect ·
detector, warning ·
series, thresholds, learn, learn_channels, replay, exception_list, commission_words · commission,
commission_feed, relearn · backtest.

Those after the detector need numpy and are imported only where a plant is commissioned, so that the
daemon does without. `detector.Detector` is what a gateway runs, `commission.commission` what learns
its parameters, `params.LinkageParams` what stands between them.
"""
