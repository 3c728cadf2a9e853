"""The effective transmission rate (有效传输率): validity times transmission.

    transmission = readings that came / readings that were due        validity = good ones / those that came

In real time counts what came within REALTIME_S; completed what came at all, later too. Hours that do not take
part, by marks whose code is exempt, leave both sides. Every rate is told with and without these hours, so a
false "stopped" cannot raise it unseen.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from attrs import define, frozen

from evidence.curtailment.energy import HOUR_S
from evidence.marks.catalogue import Catalogue
from evidence.marks.mark import Mark, SubjectKind

REALTIME_S: Final = 600
"""What is sealed and sent is at the centre within seconds; ten minutes are a network that was away."""


@define
class Tally:
    """Readings of some hours: due, come, come in time, and good among the ones that came."""

    due: float = 0.0
    come: int = 0
    in_time: int = 0
    good: int = 0
    good_in_time: int = 0

    def add(self, other: "Tally") -> None:
        """Add the readings of other hours."""
        self.due += other.due
        self.come += other.come
        self.in_time += other.in_time
        self.good += other.good
        self.good_in_time += other.good_in_time

    def note(self, *, is_good: bool, is_in_time: bool) -> None:
        """Count a reading that came."""
        self.come += 1
        self.in_time += is_in_time
        self.good += is_good
        self.good_in_time += is_good and is_in_time

    def rate(self, *, in_time: bool = False) -> float | None:
        """Validity times transmission, 0 to 1; None where nothing was due."""
        if self.due <= 0:
            return None
        come, good = (self.in_time, self.good_in_time) if in_time else (self.come, self.good)
        return min(come / self.due, 1.0) * (good / come) if come else 0.0


@frozen
class Rates:
    """A meter over some time: all hours, those that take part, and how many do not."""

    all: Tally
    part: Tally
    left_out: int

    def to_body(self) -> dict[str, Any]:
        """For `--json`: rates from 0 to 1."""
        return {
            "due": round(self.all.due),
            "come": self.all.come,
            "good": self.all.good,
            "in_time_with_marked": _round(self.all.rate(in_time=True)),
            "in_time_without_marked": _round(self.part.rate(in_time=True)),
            "completed_with_marked": _round(self.all.rate()),
            "completed_without_marked": _round(self.part.rate()),
            "hours_left_out": self.left_out,
        }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def find_left_out(
    marks: Iterable[Mark],
    catalogue: Catalogue,
    subjects: Collection[tuple[SubjectKind, str]],
    now_s: float,
    contradicted: Collection[str] = (),
) -> set[int]:
    """The hours since 1970 that exempt marks about one of `subjects` cover wholly.

    Marks whose ids are `contradicted` by power leave nothing out.
    """
    hours: set[int] = set()
    for mark in marks:
        code = catalogue.codes.get(mark.code)
        if code is None or not code.exempt or mark.id in contradicted:
            continue
        if mark.subject_kind is not SubjectKind.SITE and (mark.subject_kind, mark.subject) not in subjects:
            continue
        first, last = -(-mark.from_s // HOUR_S), int(mark.end_s(now_s) // HOUR_S)
        hours.update(range(first, last))
    return hours


def sum_rates(hours: Mapping[int, Tally], left_out: Collection[int], wanted: Iterable[int]) -> Rates:
    """The rates over the hours `wanted`."""
    all_, part, count = Tally(), Tally(), 0
    for hour in wanted:
        tally = hours.get(hour)
        if tally is None:
            continue
        all_.add(tally)
        if hour in left_out:
            count += 1
        else:
            part.add(tally)
    return Rates(all_, part, count)
