"""Commissions on the first hours of a recording and tests the rest with what was learned.

Parameters learned from too little data are tested as provisional; the findings say how much longer to
record. Without hours to learn from, the parameters of the site file are tested on all of it. An incomer takes
part where it was recorded together with all lines behind it: the rest of what nobody recorded says
nothing. Means of longer intervals than a minute are judged by their levels (`levels`). Lines that are not in
the file are unknown throughout, which is no loss of data.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from agent.detect.detector import Detector
from agent.detect.episode import Episode, Rule
from agent.detect.learning.backtest import Recording, keep_latest, run
from agent.detect.learning.commission import CommissionResult
from agent.detect.params import choose_slot_s
from agent.site.file import ConfigError, Site
from agent.site.linkages import incomer_of, linkages_of, names_of
from provisioning.learning.learn import learn_incomer, learn_linkage
from provisioning.learning.levels import SLOT_S, hold_means, learn_levels
from provisioning.learning.outcome import Outcome
from provisioning.learning.states import States
from provisioning.loads.loads import Loads
from provisioning.loads.settings import list_judged

HOUR_S: Final = 3600

EachHour = Callable[[int, int], object]
"""Called with the hours done and their total."""


class TooShortError(Exception):
    """The recording cannot be commissioned and tested."""


def check_linkages(site: Site) -> None:
    """Raise ConfigError for a site without a linkage: nothing can be tested there."""
    if not site.linkage:
        raise ConfigError(site.file, ["linkage: missing; add at least one [[linkage]]"])


def backtest(
    site: Site, loads: Loads, commission_s: float, each_hour: EachHour = lambda _done, _total: None
) -> Outcome:
    """Learn, and test.

    Raises:
        ConfigError, ParamsError, ValueError, TooShortError: It cannot be done.
    """
    check_linkages(site)
    judged = list_judged(site)
    begin_s, end_s = float(loads.times_s[0]), float(loads.times_s[-1]) + loads.interval_s
    from_s, dt_s = begin_s + commission_s, find_slot_s(loads)
    if from_s >= end_s:
        raise TooShortError(
            f"row {len(loads.times_s) + 1}: ends {(end_s - begin_s) / HOUR_S:.1f} h after the first, "
            f"too short for {commission_s / HOUR_S:g} h of commissioning and something to test"
        )
    recording = loads.to_recording()
    if loads.interval_s:
        recording = hold_means(recording, loads.interval_s)
    learning = recording.between(begin_s, from_s)
    learned = _learn(site, learning, dt_s, loads.interval_s) if commission_s else ()
    params = tuple(one.params for one in learned) or linkages_of(site)
    incomer = incomer_of(site, params)
    behind = {incomer.incomer.id, *incomer.lines} if incomer else set()
    if not behind <= recording.watts.keys():
        incomer, behind = None, set()
    found = learn_incomer(incomer, learning, params[0]) if incomer and learned else None
    testing, states = recording.between(from_s, end_s + 1).of({*judged, *behind}), States()
    hours = round((end_s - from_s) / HOUR_S)

    def each_row(at_s: float, detector: Detector) -> None:
        if states.note(at_s, detector):
            each_hour(round((at_s - from_s) / HOUR_S), hours)

    incomer, findings = (found.params, found.findings) if found else (incomer, ())
    found_all = keep_latest(run(params, incomer, testing, each_row, names_of(site)))
    episodes = tuple(one for one in found_all if not _is_of_absent(one, loads))
    return Outcome(site, loads, params, learned, incomer, findings, episodes, states.spans(), from_s)


def _is_of_absent(episode: Episode, loads: Loads) -> bool:
    """Whether an episode only says that a line is unknown that the file never had."""
    return episode.rule is Rule.DATA_LOSS and bool(episode.lines) and set(episode.lines) <= set(loads.absent)


def find_slot_s(loads: Loads) -> int:
    """The detector's slot for a recording, which follows the usual distance of a line's samples.

    The distance is that of each line by itself, because meters that are read one after the other have rows of
    their own in a file.
    """
    if loads.interval_s:
        return SLOT_S
    recording = loads.to_recording()
    known = (recording.times_s[np.isfinite(watts)] for watts in recording.watts.values())
    steps_s = [float(np.median(np.diff(times_s))) for times_s in known if len(times_s) > 1]
    return choose_slot_s(max(steps_s, default=0.0))


def _learn(site: Site, recording: Recording, dt_s: int, interval_s: float) -> tuple[CommissionResult, ...]:
    for link in site.linkage:
        lines = (*link.production, *link.treatment)
        if not any(np.isfinite(recording.watts[line]).any() for line in lines):
            raise TooShortError(f"row 2: linkage {link.id}: no sample of its lines while commissioning")
    if interval_s:
        return tuple(learn_levels(site, link, recording, interval_s) for link in site.linkage)
    return tuple(learn_linkage(site, link, recording, dt_s) for link in site.linkage)
