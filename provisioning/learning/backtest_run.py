"""Commissions on the first hours of a recording and tests the rest with what was learned.

Parameters learned from too little data are tested as provisional; the findings say how much longer to
record. Without hours to learn from, the parameters of the site file are tested on all of it. An incomer takes
part where it was recorded together with all lines behind it: the rest of what nobody recorded says
nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from agent.detect.detector import Detector
from agent.detect.learning.backtest import Recording, keep_latest, run
from agent.detect.learning.commission import CommissionResult
from agent.detect.params import DT_MAX_S
from agent.site.file import ConfigError, Site
from agent.site.linkages import incomer_of, linkages_of
from provisioning.learning.learn import DT_S, learn_incomer, learn_linkage
from provisioning.learning.loads_csv import Loads, read_loads
from provisioning.learning.outcome import Outcome, States

HOUR_S: Final = 3600

EachHour = Callable[[int, int], object]
"""Called with the hours done and their total."""


class TooShortError(Exception):
    """The recording cannot be commissioned and tested."""


def backtest(
    site: Site, recorded: Path | Loads, commission_s: float, each_hour: EachHour = lambda _done, _total: None
) -> Outcome:
    """Read the recording, learn, and test.

    Raises:
        ConfigError, LoadsError, ParamsError, ValueError, TooShortError, OSError: It cannot be done.
    """
    if not site.linkage:
        raise ConfigError(site.file, ["linkage: missing; add at least one [[linkage]]"])
    judged = {str(line) for link in site.linkage for line in (*link.production, *link.treatment)}
    others = {line.id for line in site.line} - judged
    loads = read_loads(recorded, judged, others) if isinstance(recorded, Path) else recorded
    begin_s, end_s = float(loads.times_s[0]), float(loads.times_s[-1])
    from_s, dt_s = begin_s + commission_s, find_slot_s(loads.times_s)
    if from_s >= end_s:
        raise TooShortError(
            f"row {len(loads.times_s) + 1}: ends {(end_s - begin_s) / HOUR_S:.1f} h after the first, "
            f"too short for {commission_s / HOUR_S:g} h of commissioning and something to test"
        )
    recording = loads.to_recording()
    learning = recording.between(begin_s, from_s)
    learned = _learn(site, learning, dt_s) if commission_s else ()
    params = tuple(one.params for one in learned) or linkages_of(site)
    incomer = incomer_of(site, params)
    behind = {incomer.incomer.id, *incomer.lines} if incomer else set()
    if not behind <= recording.watts.keys():
        incomer, behind = None, set()
    found = learn_incomer(incomer, learning, params[0]) if incomer and learned else None
    testing, states = recording.between(from_s, end_s + 1).of(judged | behind), States()
    hours = round((end_s - from_s) / HOUR_S)

    def each_row(at_s: float, detector: Detector) -> None:
        if states.note(at_s, detector):
            each_hour(round((at_s - from_s) / HOUR_S), hours)

    incomer, findings = (found.params, found.findings) if found else (incomer, ())
    episodes = tuple(keep_latest(run(params, incomer, testing, each_row)))
    return Outcome(site, loads, params, learned, incomer, findings, episodes, states.spans(), from_s)


def find_slot_s(times_s: np.ndarray) -> int:
    """The detector's slot for a recording: the usual one, or the usual distance of its samples if longer."""
    step = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    if step > DT_MAX_S:
        raise TooShortError(f"row 3: samples are {step:g} s apart; at least one in {DT_MAX_S} s is needed")
    return max(DT_S, int(np.ceil(step)))


def _learn(site: Site, recording: Recording, dt_s: int) -> tuple[CommissionResult, ...]:
    for link in site.linkage:
        lines = (*link.production, *link.treatment)
        if not any(np.isfinite(recording.watts[line]).any() for line in lines):
            raise TooShortError(f"row 2: linkage {link.id}: no sample of its lines while commissioning")
    return tuple(learn_linkage(site, link, recording, dt_s) for link in site.linkage)
