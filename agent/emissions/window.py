"""The last day of analysers and power, and what there is to ask about it. Pure; the chain is its memory.

It takes the records of the own chain in their order: readings, and the events that it has caused itself. So
after a restart it knows from a day of the chain what it knew before, and asks nothing twice. A question is
told when it arises ("begins"), when it becomes a contradiction ("contradicted"), and when it is over
("ends"); one that more readings have answered is taken back ("withdrawn"). What lasts for more than a day may
be told again after a restart.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from agent.detect.params import LinkageParams
from agent.emissions.plant import find_plant, take_emissions
from agent.judging.line_power import LinePowers, meter_power
from drivers.poll.setup import MeterSetup
from drivers.reading import PollGroup, Quality
from evidence.marks.doubts import DOUBTS
from evidence.marks.emissions import GAP_MIN, Doubt, Said, What, find_doubts
from evidence.record import MODEL_ID_BYTES, ReadingRecord

WINDOW_MIN: Final = 1_440
"""A day: 2 MiB of memory an analyser. `dianjian marks emissions` judges the whole chain."""
SETTLED_MIN: Final = GAP_MIN + 3
"""Behind its last minute a question is over."""
SET_BACK_MIN: Final = 60
"""A reading that is so much older than the newest comes after the clock was set back. The minutes ahead of it
had a wrong date, and the true ones shall count when they come; a smaller step is waited for."""
CURVE_POINTS_MAX: Final = 60
"""In an event, which is sealed: 2 kB."""
EVENT: Final = "emissions"
MINUTE_S: Final = 60

_Key = tuple[str, str, str, str]
"""Analyser, point, linkage, question."""


@define(eq=False, repr=False)
class _Told:
    """What was said of one question; minutes."""

    first: int
    last: int
    is_contradiction: bool
    is_open: bool = True
    doubt: Doubt | None = None


@define(eq=False, repr=False)
class Window:
    """See the module.

    Attributes:
        newest: The last minute that a reading has come from; 0 for none.
    """

    setups: Mapping[str, MeterSetup]
    lines: Mapping[str, str]
    linkages: Sequence[LinkageParams]
    hold_s: float
    newest: int = field(init=False, default=0)
    _powers: dict[str, dict[int, float]] = field(init=False, factory=dict)
    _analysers: dict[str, dict[str, dict[int, Said]]] = field(init=False, factory=dict)
    _feed: LinePowers = field(init=False)
    _seen: dict[str, int] = field(init=False, factory=dict)
    _told: dict[_Key, list[_Told]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._feed = LinePowers(self.lines, self.hold_s)

    def take_reading(self, record: ReadingRecord, at_s: float) -> None:
        """The first good reading of a meter in each minute counts."""
        setup, minute = self.setups.get(record.meter), int(at_s // MINUTE_S)
        if setup is None or record.group is not PollGroup.FAST or record.quality is not Quality.GOOD:
            return
        if minute < self.newest - SET_BACK_MIN:
            self._set_back(minute)
        if self._seen.get(record.meter, 0) >= minute or record.model != setup.model.hash[:MODEL_ID_BYTES]:
            return
        self._seen[record.meter] = minute
        self.newest = max(self.newest, minute)
        values = setup.model.decode(record.blocks, setup.ct_ratio, setup.pt_ratio)
        if setup.model.is_analyser:
            take_emissions(self._analysers.setdefault(record.meter, {}), values, minute)
        power = self._feed.power(record.meter, at_s, meter_power(values))
        if power is not None:
            self._powers.setdefault(power.line, {})[minute] = float(power.watts)

    def _set_back(self, minute: int) -> None:
        """Go on from here: what is later was never so late."""
        for powers in self._powers.values():
            _drop_from(powers, minute)
        for points in self._analysers.values():
            for series in points.values():
                _drop_from(series, minute)
        self._seen, self._feed = {}, LinePowers(self.lines, self.hold_s)
        self.newest = minute

    def take_event(self, body: Mapping[str, Any]) -> None:
        """An event of its own, out of the chain; what is none is passed over."""
        if body.get("what") != EVENT:
            return
        key = tuple(str(body.get(name, "")) for name in ("analyser", "point", "linkage", "doubt"))
        span = body.get("from_s"), body.get("to_s")
        if not all(type(one) is int for one in span):
            return
        first, last = int(str(span[0])) // MINUTE_S, int(str(span[1])) // MINUTE_S - 1
        one = self._find((key[0], key[1], key[2], key[3]), first, last)
        one.last, state = max(one.last, last), body.get("state")
        one.is_contradiction = one.is_contradiction or body.get("contradiction") is True
        one.is_open = state not in {"ends", "withdrawn"}

    def judge(self) -> list[dict[str, Any]]:
        """The bodies of events that are due."""
        self._forget()
        seen = set[int]()
        bodies: list[dict[str, Any]] = []
        for key, doubt in self._list_doubts():
            known = self._match(key, doubt.first, doubt.last)
            one = known or self._find(key, doubt.first, doubt.last)
            seen.add(id(one))
            one.last, one.doubt = max(one.last, doubt.last), doubt
            grown = doubt.is_contradiction and not one.is_contradiction
            one.is_contradiction = one.is_contradiction or doubt.is_contradiction
            if one.is_open and doubt.last < self.newest - SETTLED_MIN:
                one.is_open = False
                bodies.append(make_body(key, doubt, "ends", is_contradiction=one.is_contradiction))
            elif known is None or grown:
                state = "contradicted" if grown and known is not None else "begins"
                bodies.append(make_body(key, doubt, state, is_contradiction=one.is_contradiction))
        for key, all_told in self._told.items():
            for one in all_told:
                if one.is_open and id(one) not in seen and one.doubt is not None:
                    one.is_open = False
                    bodies.append(make_body(key, one.doubt, "withdrawn", is_contradiction=False))
        return bodies

    def list_open(self) -> list[dict[str, Any]]:
        """The questions that stand, without their curves."""
        return [
            {name: value for name, value in body.items() if name != "curves"}
            for key, all_told in self._told.items()
            for one in all_told
            if one.is_open and one.doubt is not None
            for body in (make_body(key, one.doubt, "begins", is_contradiction=one.is_contradiction),)
        ]

    def _list_doubts(self) -> Iterator[tuple[_Key, Doubt]]:
        for linkage in self.linkages:
            plant = find_plant(self._powers, linkage, is_alone=len(self.linkages) == 1)
            for analyser, points in self._analysers.items():
                for doubt in find_doubts(points, plant):
                    yield (analyser, doubt.point, linkage.linkage, doubt.what.value), doubt

    def _match(self, key: _Key, first: int, last: int) -> _Told | None:
        """What was told of the same time, or of one next to it."""
        near = GAP_MIN + 1
        told = self._told.get(key, ())
        return next((one for one in told if first <= one.last + near and last >= one.first - near), None)

    def _find(self, key: _Key, first: int, last: int) -> _Told:
        known = self._match(key, first, last)
        if known is None:
            known = _Told(first, last, is_contradiction=False)
            self._told.setdefault(key, []).append(known)
        return known

    def _forget(self) -> None:
        """Drop what is older than the window."""
        before = self.newest - WINDOW_MIN
        for powers in self._powers.values():
            _drop(powers, before)
        for points in self._analysers.values():
            for series in points.values():
                _drop(series, before)
        kept = {
            key: [one for one in told if one.last >= before and (one.is_open or one.first <= self.newest)]
            for key, told in self._told.items()
        }
        self._told = {key: told for key, told in kept.items() if told}


def _drop(series: dict[int, Any], before: int) -> None:
    for minute in [at for at in series if at < before]:
        del series[minute]


def _drop_from(series: dict[int, Any], first: int) -> None:
    for minute in [at for at in series if at >= first]:
        del series[minute]


def make_body(key: _Key, doubt: Doubt, state: str, *, is_contradiction: bool) -> dict[str, Any]:
    """The body of an event: the question in both languages, and its curves."""
    analyser, point, linkage, what = key
    whole = doubt.to_body()
    sentence = DOUBTS[What(what).value].fill(**doubt.numbers)
    curves = whole["curves"]
    step = -(-len(doubt.curves["value"]) // CURVE_POINTS_MAX)
    thin = {name: list(curve)[::step] for name, curve in doubt.curves.items()}
    return {
        "what": EVENT,
        "text": f"{analyser} {point}: {sentence.en}",
        "text_zh": f"{analyser} {point}：{sentence.zh}",
        "analyser": analyser,
        "point": point,
        "linkage": linkage,
        "doubt": what,
        "state": state,
        "contradiction": is_contradiction,
        "severity": "integrity" if is_contradiction else "notice",
        "from_s": whole["from_s"],
        "to_s": whole["to_s"],
        "numbers": whole["numbers"],
        "curves": {"from_s": curves["from_s"], "step_s": curves["step_s"] * step, **thin},
    }
