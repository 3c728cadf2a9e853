"""Runs a recording through the detector as if it came in live.

There is no second detector for the past: every sample goes in through `Detector.sample` and time through
`Detector.advance`, in the order of the recording, so the episodes are those of a gateway.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from agent.detect.detector import Detector
from agent.detect.episode import Episode
from agent.detect.params import IncomerParams, LinkageParams
from agent.detect.sentence import Names

CHUNK_ROWS: Final = 8640
"""A day of 10 s rows: converted to Python numbers together, so that a year is never in memory as objects."""

Floats = NDArray[np.float64]


@frozen
class Recording:
    """Samples of several lines at the same times.

    Attributes:
        times_s: UTC seconds, rising, shape (n,).
        watts: By line, shape (n,) each, NaN where nothing was recorded.
        evidence: By line the other channels, named as `Detector.sample` names them, and `lost_phase`, see
            `Detector.mark_phase`; NaN likewise.
    """

    times_s: Floats
    watts: Mapping[str, Floats]
    evidence: Mapping[str, Mapping[str, Floats]] = field(factory=dict)

    def between(self, begin_s: float, end_s: float) -> "Recording":
        """The rows from `begin_s` until before `end_s`."""
        first, last = (int(at) for at in np.searchsorted(self.times_s, (begin_s, end_s)))
        evidence = {
            line: {name: column[first:last] for name, column in channels.items()}
            for line, channels in self.evidence.items()
        }
        watts = {line: column[first:last] for line, column in self.watts.items()}
        return Recording(self.times_s[first:last], watts, evidence)

    def of(self, lines: Collection[str]) -> "Recording":
        """The same with only these lines."""
        return Recording(
            self.times_s,
            {line: column for line, column in self.watts.items() if line in lines},
            {line: channels for line, channels in self.evidence.items() if line in lines},
        )


def run(
    params: Sequence[LinkageParams],
    incomer: IncomerParams | None,
    recording: Recording,
    each_row: Callable[[float, Detector], object] | None = None,
    names: Names | None = None,
) -> list[Episode]:
    """All episodes that a detector emits, in order; `each_row` is called after each row.

    After the last row, time runs only until its slot is closed, so that no loss of data is invented.
    """
    detector = Detector(params, incomer, names)
    sample = detector.sample
    found: list[Episode] = []
    moment = 0.0
    for moment, row in _iterate_rows(recording):
        for line, watts, evidence in row:
            phase = evidence.pop("lost_phase", None)
            if watts is not None:
                sample(line, moment, watts, **evidence)
            if phase is not None:
                detector.mark_phase(line, int(phase))
        found += detector.advance(moment)
        if each_row:
            each_row(moment, detector)
    if len(recording.times_s):
        found += detector.advance(moment + detector.closes_after_s)
    return found


def _iterate_rows(
    recording: Recording,
) -> Iterator[tuple[float, Iterable[tuple[str, int | None, dict[str, float]]]]]:
    lines = tuple(recording.watts)
    nothing: dict[str, float] = {}
    for first in range(0, len(recording.times_s), CHUNK_ROWS):
        part = slice(first, first + CHUNK_ROWS)
        times = recording.times_s[part].tolist()
        columns = [_to_watts(recording.watts[line][part]) for line in lines]
        channels = [
            _to_rows(recording.evidence.get(line, {}), part) or [nothing] * len(times) for line in lines
        ]
        for at, moment in enumerate(times):
            yield moment, zip(lines, [c[at] for c in columns], [c[at] for c in channels], strict=True)


def _to_watts(column: Floats) -> list[int | None]:
    return [round(watts) if watts == watts else None for watts in column.tolist()]  # noqa: PLR0124  NaN


def _to_rows(channels: Mapping[str, Floats], part: slice) -> list[dict[str, float]]:
    if not channels:
        return []
    names = tuple(channels)
    rows = zip(*(channels[name][part].tolist() for name in names), strict=True)
    return [
        {name: value for name, value in zip(names, row, strict=True) if value == value}  # noqa: PLR0124  NaN
        for row in rows
    ]


def keep_latest(episodes: Iterable[Episode]) -> list[Episode]:
    """Each episode once, in its last form, in the order in which they were raised."""
    by_id = {episode.id: episode for episode in episodes}
    return sorted(by_id.values(), key=lambda episode: (episode.raised_at_s, episode.begin_at_s, episode.id))
