"""How a meter is wired, judged by its values: the wiring check and the on/off test. Pure, without numpy.

Floors, a file imports only from those before it: answers · measured, words · hypotheses, ratio, phrases,
trial_edges · case, trial_words · diagnosis, trial. `diagnosis.diagnose` judges the reads of one meter,
`trial.OnOffTest` the on/off test of a line.
"""

from provisioning.wiring.answers import Diagnosis, Expected, Mistake
from provisioning.wiring.diagnosis import diagnose
from provisioning.wiring.trial import OnOffTest, Wait, follow
from provisioning.wiring.trial_words import Outcome

__all__ = ["Diagnosis", "Expected", "Mistake", "OnOffTest", "Outcome", "Wait", "diagnose", "follow"]
