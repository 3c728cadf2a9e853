"""Counters of a bus and its meters, the load of the bus, and how long answers take.

`Tally` belongs to the thread of one bus and counts each poll as it ends. At most once in PUBLISH_S it
replaces its `BusFigures`, which never change, so a reader takes no lock, holds up nothing and sees one
moment. Everything is counted since the agent started.

    load     share of the time in which a request is out, answered or not: at 100 % not one more fits
    latency  of each good poll, that of its slowest request; percentiles over the last 5 to 10 minutes,
             as the edge of the bucket above (EDGES_MS); the maximum is exact

A poll is charged with the growth of the bus's counters while it lasted, so a late answer of a neighbour may
count for the meter that was polled when it came. Requests of another master and reopened ports count for
the bus.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import asdict, define, field, frozen

from drivers.link.transaction import BusStats

EDGES_MS: Final = (
    0.2, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 700,
    1000, 1500, 2000, 3000,
)  # fmt: skip
"""Upper edges of the buckets, ms; one more holds slower answers. Up to the time-outs in use, and closer where
meters answer."""
WINDOW_S: Final = 300.0
"""Half of the sliding window: a fault of a minute shows, and still does a minute later."""
PUBLISH_S: Final = 2.0
"""Seconds of the clock between updates, as often as people look: 0.2 ms each for twenty meters."""

_MS_PER_S: Final = 1000


@frozen
class Counts:
    """The counters of `BusStats`, and the polls that caused them.

    Attributes:
        polls: Polls of a group, probes among them.
        probes: Polls that only check whether a silent meter answers again.
        busy_s: Time in which a request was out.
    """

    requests: int = 0
    timeouts: int = 0
    crc_errors: int = 0
    foreign: int = 0
    late: int = 0
    exceptions: int = 0
    reopened: int = 0
    collisions: int = 0
    busy_s: float = 0.0
    polls: int = 0
    probes: int = 0

    @property
    def errors(self) -> int:
        """All failures. A late answer is not counted: its time-out is."""
        unanswered = self.timeouts + self.crc_errors + self.foreign + self.exceptions
        return unanswered + self.reopened + self.collisions

    def to_json(self) -> dict[str, Any]:
        """The counters by name."""
        return {**asdict(self), "busy_s": round(self.busy_s, 3)}


@frozen
class Latency:
    """Percentiles in ms; None without an answer within the window."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    max_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        return {"p50": self.p50_ms, "p95": self.p95_ms, "max": self.max_ms}


@frozen
class MeterFigures:
    """One meter."""

    counts: Counts
    latency: Latency

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        return {**self.counts.to_json(), "latency_ms": self.latency.to_json()}


@frozen
class BusFigures:
    """One bus at one moment.

    Attributes:
        at_s: The moment, seconds of the clock.
        load: Of the bus, over the sliding window: 0 to 1.
        meters: By id, in the order of the site file.
    """

    id: str
    url: str
    at_s: float
    load: float
    counts: Counts
    latency: Latency
    meters: Mapping[str, MeterFigures]

    def to_json(self) -> dict[str, Any]:
        """As an object, for the status socket."""
        return {
            "bus": self.id,
            "url": self.url,
            "load_percent": round(100 * self.load, 1),
            **self.counts.to_json(),
            "latency_ms": self.latency.to_json(),
            "meters": [{"meter": name, **one.to_json()} for name, one in self.meters.items()],
        }

    def since(self, before: "BusFigures | None") -> dict[str, Any]:
        """For a heartbeat: load and errors since `before`, and a percentile."""
        at_s, counts = (before.at_s, before.counts) if before is not None else (0.0, Counts())
        passed_s = self.at_s - at_s
        has_passed = before is not None and passed_s > 0
        load = (self.counts.busy_s - counts.busy_s) / passed_s if has_passed else self.load
        return {
            "bus": self.id,
            "load_percent": round(100 * min(max(load, 0.0), 1.0)),
            "p95_ms": None if self.latency.p95_ms is None else round(self.latency.p95_ms),
            "requests": self.counts.requests - counts.requests,
            "errors": self.counts.errors - counts.errors,
        }


def heartbeat(now: Iterable[BusFigures], before: Mapping[str, BusFigures]) -> list[dict[str, Any]]:
    """The buses of a heartbeat; `before` are their figures at the last one, by id."""
    return [one.since(before.get(one.id)) for one in now]


class Histogram:
    """Latencies in buckets over a sliding window: of the present half and of the one before."""

    def __init__(self) -> None:
        self._now, self._before = _Half(), _Half()

    def add(self, latency_s: float) -> None:
        """One answer."""
        latency_ms = latency_s * _MS_PER_S
        half = self._now
        half.buckets[bisect_left(EDGES_MS, latency_ms)] += 1
        half.max_ms = max(half.max_ms, latency_ms)

    def slide(self) -> None:
        """Drop the older half of the window."""
        self._before, self._now = self._now, _Half()

    @property
    def halves(self) -> tuple["_Half", "_Half"]:
        """The present one and the one before."""
        return self._now, self._before


@define(eq=False, repr=False)
class _Half:
    buckets: list[int] = field(factory=lambda: [0] * (len(EDGES_MS) + 1))
    max_ms: float = 0.0


def latency_of(histograms: Iterable[Histogram]) -> Latency:
    """The percentiles of all together."""
    halves = [half for one in histograms for half in one.halves]
    counts = [sum(column) for column in zip(*(half.buckets for half in halves), strict=True)]
    number = sum(counts)
    if not number:
        return Latency()
    max_ms = max(half.max_ms for half in halves)
    p50_ms, p95_ms = (_edge(counts, share * number, max_ms) for share in (0.5, 0.95))
    return Latency(p50_ms, p95_ms, round(max_ms, 3))


def _edge(counts: list[int], rank: float, max_ms: float) -> float:
    """The edge below which `rank` of the answers lie; never more than the slowest."""
    below = 0
    for edge, count in zip(EDGES_MS, counts, strict=False):
        below += count
        if below >= rank:
            return round(min(edge, max_ms), 3)
    return round(max_ms, 3)


class Tally:
    """The counters of one bus, for its thread.

    Attributes:
        figures: The last ones published; may be read from any thread.
    """

    def __init__(self, bus_id: str, url: str, meters: Iterable[str], now_s: float) -> None:
        self._id, self._url = bus_id, url
        self._meters = {meter: _Count() for meter in meters}
        self._half_s, self._busy_s = (now_s, now_s), (0.0, 0.0)
        self.figures = self._figures_at(now_s)

    def count_poll(
        self, meter: str, before: tuple[float, ...], after: BusStats, latency_s: float | None, *, probe: bool
    ) -> None:
        """Count a poll: the bus's counters were `before` it and are `after`; no latency without an answer."""
        self.count_requests(meter, before, after)
        count = self._meters[meter]
        count.polls += 1
        count.probes += probe
        if latency_s is not None:
            count.histogram.add(latency_s)

    def count_requests(self, meter: str, before: tuple[float, ...], after: BusStats) -> None:
        """Count a part of a poll that goes on later."""
        count = self._meters[meter]
        count.grown = [c + a - b for c, a, b in zip(count.grown, after.counts, before, strict=True)]

    def publish(self, now_s: float) -> None:
        """Replace `figures`, if it is time."""
        if now_s - self.figures.at_s < PUBLISH_S:
            return
        if now_s - self._half_s[1] >= WINDOW_S:
            self._half_s = (self._half_s[1], now_s)
            self._busy_s = (self._busy_s[1], self._whole().busy_s)
            for count in self._meters.values():
                count.histogram.slide()
        self.figures = self._figures_at(now_s)

    def _whole(self) -> Counts:
        """The counters of the bus: the sum of its meters."""
        whole = _Count()
        for count in self._meters.values():
            whole.polls += count.polls
            whole.probes += count.probes
            whole.grown = [a + b for a, b in zip(whole.grown, count.grown, strict=True)]
        return whole.counts()

    def _figures_at(self, now_s: float) -> BusFigures:
        counts, passed_s = self._whole(), now_s - self._half_s[0]
        load = (counts.busy_s - self._busy_s[0]) / passed_s if passed_s > 0 else 0.0
        meters = {
            name: MeterFigures(count.counts(), latency_of((count.histogram,)))
            for name, count in self._meters.items()
        }
        latency = latency_of(count.histogram for count in self._meters.values())
        return BusFigures(self._id, self._url, now_s, min(max(load, 0.0), 1.0), counts, latency, meters)


class _Count:
    """The running counters of a bus or a meter."""

    def __init__(self) -> None:
        self.polls = 0
        self.probes = 0
        self.grown: list[float] = list(BusStats().counts)
        self.histogram = Histogram()

    def counts(self) -> Counts:
        a, b, c, d, e, f, g, h = (int(number) for number in self.grown[:-1])
        return Counts(a, b, c, d, e, f, g, h, self.grown[-1], self.polls, self.probes)
