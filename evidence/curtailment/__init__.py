"""Emergency reduction (重污染天气应急响应): orders, baselines, verdicts; gateway and centre compute alike.

Pure: no clock, socket, file or numpy. Of what the detector has learned it is given the base load alone.
"""
