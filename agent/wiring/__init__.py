"""How a meter is wired, by what it says: the wiring check and the on/off test. Pure, without numpy.

Floors, a file imports only from those before it: answers · measured, words · hypotheses, ratio, phrases ·
case · diagnosis. `diagnosis.diagnose` judges the reads of one meter.
"""

from agent.wiring.answers import Diagnosis, Expected, Mistake
from agent.wiring.diagnosis import diagnose

__all__ = ["Diagnosis", "Expected", "Mistake", "diagnose"]
