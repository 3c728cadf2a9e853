"""What the verified records of an evidence pack say, made ready to be drawn.

Takes only evidence whose every signature and hash holds (`agent.evidence.proof`), and gives the same for
the same. Readings are decoded as the centre decodes them (`agent.centre.lines`), with the point tables of
the gateway's own manifest; loads are summed as the agent sums them (`agent.feed`); and the detector is run
over them anew, with the parameters of the manifest, for the states and for a second opinion. It begins
without a past at the begin of the window, so what it does not find again is no contradiction.

A gateway signs whatever its owner may have made it say. Nothing here trusts a record to be well formed: what
cannot be understood is told as that.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from agent.build import feed_of, linkages_of
from agent.centre.lines import Line, Lines
from agent.config import ConfigError, Place, Site, SiteMistakesError, parse_site
from agent.detect.detector import Detector
from agent.detect.episode import Episode
from agent.detect.params import LinkageParams
from agent.evidence.proof import Evidence, ProvedSeal
from agent.evidence.seal import FIRST_NUMBER
from agent.feed import HOLD_S, LineFeed, LinePower, said_by
from drivers.reading import PollGroup, Quality
from provisioning.outcome import LinkageStates, States
from provisioning.plot_data import local_text, zone_s

COLUMNS_MAX: Final = 360
"""Of a load in a drawing: more than a reader sees, few enough for a small file."""
NOTED_MAX: Final = 500
"""Lines of the list of other records; the rest is counted."""
MS_PER_S: Final = 1000
EDGE_MS: Final = 60_000
"""Room beside what is drawn."""
SAME_S: Final = 60
"""Two findings of one rule that begin within this are the same."""
_QUIET: Final = LinkageStates((), (), ())
_TEXT_MAX: Final = 400
_HEAD: Final = {"type", "gateway", "seal", "record", "at"}


@frozen
class Noted:
    """A record that is no reading, heartbeat, manifest or episode, or something that cannot be understood."""

    seal: int
    at: str
    kind: str
    text: str


@define
class MeterStory:
    """A meter in the window: where it is and how often it answered."""

    line: str
    good: int = 0
    bad: int = 0
    reasons: dict[str, int] = field(factory=dict)


@define
class Load:
    """Least and greatest watts of one side of a linkage in every column of the window."""

    low: list[float | None]
    high: list[float | None]

    @classmethod
    def of(cls, columns: int) -> "Load":
        """Of nothing yet."""
        return cls([None] * columns, [None] * columns)

    def add(self, column: int, watts: float) -> None:
        """Take a value."""
        low, high = self.low[column], self.high[column]
        self.low[column] = watts if low is None else min(low, watts)
        self.high[column] = watts if high is None else max(high, watts)


@frozen
class Told:
    """An episode as the chain tells it: its last word, and the seals that carry it."""

    body: dict[str, Any]
    seals: tuple[int, ...]


@define
class Story:
    """What is to be drawn.

    Attributes:
        site: The site file of the newest manifest, None where there is none that can be read.
        version: The software that says so of itself.
        params: From when on a linkage had which parameters, UTC seconds.
        loads: Of each linkage, production and treatment.
        again: What the detector finds in the readings of the window alone.
        unread: Records that say nothing readable.
    """

    evidence: Evidence
    offset_s: int = field(factory=lambda: zone_s(Place().utc_offset))
    site: Site | None = None
    version: str = ""
    meters: dict[str, MeterStory] = field(factory=dict)
    params: dict[str, list[tuple[float, LinkageParams]]] = field(factory=dict)
    loads: dict[str, tuple[Load, Load]] = field(factory=dict)
    states: dict[str, LinkageStates] = field(factory=dict)
    episodes: dict[str, Told] = field(factory=dict)
    again: dict[str, Episode] = field(factory=dict)
    noted: list[Noted] = field(factory=list)
    not_noted: int = 0
    readings: int = 0
    unread: int = 0

    @property
    def span_ms(self) -> tuple[int, int]:
        """What is drawn: the window, without hours before the first seal of all or behind the last one."""
        asked, window = self.evidence.content.question, self.evidence.window
        begin_ms, end_ms = asked.from_ms, asked.to_ms
        if asked.first == FIRST_NUMBER:
            begin_ms = max(begin_ms, min(window[0].header.utc_ms, end_ms) - EDGE_MS)
        end_ms = max(begin_ms + EDGE_MS, min(end_ms, window[-1].header.utc_ms + EDGE_MS))
        return begin_ms, end_ms

    @property
    def columns(self) -> int:
        """Of a load; none is shorter than a value stands for the present, so that there are no holes."""
        begin_ms, end_ms = self.span_ms
        return max(1, min(COLUMNS_MAX, int((end_ms - begin_ms) / MS_PER_S / HOLD_S)))

    def states_of(self, linkage: str) -> LinkageStates:
        """When its lines were on."""
        return self.states.get(linkage, _QUIET)

    def local(self, at_ms: float) -> str:
        """A time in the plant's zone."""
        return local(at_ms, self.offset_s)


def local(at_ms: float, offset_s: int) -> str:
    """A time in the plant's zone; one beyond the calendar stays a number."""
    try:
        return local_text(at_ms / MS_PER_S, offset_s)
    except (ArithmeticError, ValueError, OSError):
        return f"{at_ms} ms"


def tell(evidence: Evidence) -> Story:
    """The story of `evidence`."""
    teller = _Teller(Story(evidence))
    asked = evidence.content.question
    for part in evidence.parts:
        for seal in part.seals:
            if seal.records is not None:
                teller.seal(seal, inside=asked.first <= seal.header.number <= asked.last)
    return teller.finish()


@define
class _Teller:
    story: Story
    _lines: Lines = field(init=False)
    _span_ms: tuple[int, int] = field(init=False)
    _columns: int = field(init=False)
    _feed: LineFeed = field(init=False, factory=lambda: LineFeed({}))
    _detector: Detector | None = field(init=False, default=None)
    _states: States = field(init=False, factory=States)
    _latest: dict[str, LinePower] = field(init=False, factory=dict)
    _judged_lines: set[str] = field(init=False, factory=set)
    _now_s: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._lines = Lines(self.story.evidence.content.gateway)
        self._span_ms, self._columns = self.story.span_ms, self.story.columns

    def seal(self, seal: ProvedSeal, *, inside: bool) -> None:
        """What one seal's records say; `inside` the window or only needed to understand it."""
        assert seal.records is not None
        for line in self._lines.of_body(seal.header, seal.records):
            self._line(line, seal, inside=inside)
        if inside:
            self._judged(self._judge, seal.header.number)

    def finish(self) -> Story:
        """All of it."""
        self.story.states = self._states.spans()
        return self.story

    def _line(self, line: Line, seal: ProvedSeal, *, inside: bool) -> None:
        kind = line["type"]
        if kind == "reading":
            if inside:
                self._reading(line)
        elif kind == "episode":
            self._episode(line)
        elif kind == "record" and line["kind"] == "manifest":
            self._manifest(
                line["body"], max(seal.header.utc_ms, self.story.evidence.content.question.from_ms)
            )
        elif kind == "record" and line["kind"] == "heartbeat":
            pass
        elif inside:
            self.story.unread += kind == "finding"
            text = line["text"] if kind == "finding" else _short(line["body"])
            self._note(Noted(line["seal"], line.get("at", ""), line.get("kind", "finding"), text))

    def _note(self, noted: Noted) -> None:
        if len(self.story.noted) < NOTED_MAX:
            self.story.noted.append(noted)
        else:
            self.story.not_noted += 1

    def _episode(self, line: Line) -> None:
        body = {key: value for key, value in line.items() if key not in _HEAD}
        before = self.story.episodes.get(str(body.get("id")))
        asked = self.story.evidence.content.question
        if asked.linkage and asked.linkage != body.get("linkage") and asked.episode != body.get("id"):
            return
        self.story.episodes[str(body.get("id"))] = Told(
            body, (*(before.seals if before else ()), line["seal"])
        )

    def _manifest(self, body: Mapping[str, Any], at_s: float) -> None:
        text = body.get("site")
        if not isinstance(text, str):
            return
        story = self.story
        story.version = str(body.get("version", ""))[:_TEXT_MAX]
        try:
            site = parse_site(text, Path("manifest"))
            params = linkages_of(site)
            feed = feed_of(site, params)
        except (SiteMistakesError, ConfigError, RecursionError):
            return  # written by another version, or by somebody who wants to hide: there is no drawing
        story.site, story.offset_s = site, zone_s(site.site.utc_offset)
        self._feed.lines = {meter.id: meter.line for meter in site.meter}
        known = {name: steps[-1][1] for name, steps in story.params.items()}
        if known != {one.linkage: one for one in params} or self._detector is None:
            self._detector = Detector(params, feed) if params else None
            self._judged_lines = {line.id for one in params for line in one.lines}
            self._judged_lines |= {feed.feed.id, *feed.lines} if feed else set()
        for one in params:
            steps = story.params.setdefault(one.linkage, [])
            story.loads.setdefault(one.linkage, (Load.of(story.columns), Load.of(story.columns)))
            if not steps or steps[-1][1] != one:
                steps.append((at_s if steps else 0.0, one))

    def _reading(self, line: Line) -> None:
        story = self.story
        story.readings += 1
        meter = story.meters.setdefault(line["meter"], MeterStory(str(line["line"] or "")))
        if line["quality"] != Quality.GOOD.value:
            meter.bad += 1
            reason = str(line.get("reason", ""))
            if reason in meter.reasons or len(meter.reasons) < NOTED_MAX:
                meter.reasons[reason] = meter.reasons.get(reason, 0) + 1
            return
        meter.good += 1
        at_s = _seconds(line["at"])
        if line["group"] != PollGroup.FAST.value or at_s is None:
            return
        power = self._feed.power(line["meter"], at_s, said_by(line["values"]))
        if power is not None:
            self._power(power, line["seal"])

    def _power(self, power: LinePower, seal: int) -> None:
        self._latest[power.line] = power
        begin_s, end_s = (at_ms / MS_PER_S for at_ms in self._span_ms)
        column = int((power.at_s - begin_s) / (end_s - begin_s) * self._columns)
        for linkage, steps in self.story.params.items():
            sides = steps[-1][1].production, steps[-1][1].treatment
            for load, lines in zip(self.story.loads[linkage], sides, strict=True):
                ids = [line.id for line in lines]
                parts = [self._latest.get(id_) for id_ in ids]
                fresh = [part.watts for part in parts if part and abs(power.at_s - part.at_s) <= HOLD_S]
                if power.line in ids and len(fresh) == len(ids) and 0 <= column < self._columns:
                    load.add(column, sum(fresh))
        self._now_s = max(self._now_s, power.at_s)
        if power.line in self._judged_lines:
            self._judged(lambda detector: _sample(detector, power), seal)

    def _judge(self, detector: Detector) -> None:
        if self._now_s:
            self.story.again |= {episode.id: episode for episode in detector.advance(self._now_s)}
            self._states.row(self._now_s, detector)

    def _judged(self, look: Callable[[Detector], object], seal: int) -> None:
        """Let the detector work; what it cannot bear ends its opinion, not the check."""
        if self._detector is None:
            return
        try:
            look(self._detector)
        except Exception as error:  # noqa: BLE001 - the readings are an adversary's
            self._detector = None
            self._note(Noted(seal, "", "finding", f"the detector cannot judge this: {type(error).__name__}"))


def _sample(detector: Detector, power: LinePower) -> None:
    detector.sample(
        power.line,
        power.at_s,
        power.watts,
        pf=power.pf,
        current_a=power.current_a,
        voltage_v=power.voltage_v,
    )


def same_finding(story: Story, body: Mapping[str, Any]) -> Episode | None:
    """What the detector found again of an episode on record."""
    return next(
        (
            one
            for one in story.again.values()
            if (one.linkage, one.rule.value) == (body.get("linkage"), body.get("rule"))
            and abs(one.begin_at_s - body["begin_at_s"]) <= SAME_S
        ),
        None,
    )


def gaps(window: tuple[ProvedSeal, ...], silent_ms: int) -> Iterator[tuple[int, int, int]]:
    """Where the gateway made no seal for longer than `silent_ms`: from, to, and the seal behind it."""
    for before, after in pairwise(window):
        if after.header.utc_ms - before.header.utc_ms > silent_ms:
            yield before.header.utc_ms, after.header.utc_ms, after.header.number


def _seconds(at: str) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:  # beyond the calendar
        return None


def _short(body: Mapping[str, Any]) -> str:
    text = "; ".join(f"{name}: {value}" for name, value in body.items())
    return text if len(text) <= _TEXT_MAX else text[:_TEXT_MAX] + " …"
