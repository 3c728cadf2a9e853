"""Up to where a gateway's readings have all come, although bodies come late and out of order. Pure.

After an outage a gateway sends its chain and the newest bodies first; the older ones follow. An interval is
made once, so it waits until no body that could belong to it is missing: one run of seals whose bodies are
there must begin before it and end behind it. Readings of one seal are of one time to SKEW_MS.
"""

from typing import Final

from attrs import define, field

SKEW_MS: Final = 5_000
"""Readings of several buses reach the chain in nearly the order of their time."""


@define
class Seals:
    """The seals of one gateway from the first that is known."""

    _times: dict[int, tuple[int, int] | None] = field(init=False, factory=dict)
    _lowest: int | None = field(init=False, default=None)
    _runs: list[tuple[bool, int, int]] | None = field(init=False, default=None)

    def add_seal(self, number: int) -> None:
        """A seal was accepted, with or without its body."""
        if self._lowest is None or number < self._lowest:
            self._lowest, self._runs = number, None

    def add_body(self, number: int) -> None:
        """A body has come; its readings follow."""
        self.add_seal(number)
        self._times.setdefault(number, None)
        self._runs = None

    def add_reading(self, number: int, utc_ms: int) -> None:
        """A reading of a body."""
        before = self._times.get(number)
        now = (utc_ms, utc_ms) if before is None else (min(before[0], utc_ms), max(before[1], utc_ms))
        if now != before:
            self._times[number] = now
            self._runs = None

    def is_whole(self, begin_ms: int, end_ms: int) -> bool:
        """Whether every reading of the interval is there."""
        if self._runs is None:
            self._runs = self._find_runs()
        return any(
            (is_first or first < begin_ms) and last >= end_ms + SKEW_MS
            for is_first, first, last in self._runs
        )

    def forget(self, before_ms: int) -> None:
        """Drop the seals that no interval from `before_ms` on needs, but for the last of them."""
        old = [number for number, times in self._times.items() if times is not None and times[1] < before_ms]
        for number in sorted(old)[:-1]:
            del self._times[number]
        if len(old) > 1:
            self._lowest, self._runs = min(self._times), None

    def _find_runs(self) -> list[tuple[bool, int, int]]:
        """Runs of seals without a gap: whether it begins with the first known, first and last time."""
        runs: list[tuple[bool, int, int]] = []
        numbers, at = sorted(self._times), 0
        while at < len(numbers):
            begin = at
            while at + 1 < len(numbers) and numbers[at + 1] == numbers[at] + 1:
                at += 1
            times = [time for n in numbers[begin : at + 1] if (time := self._times[n]) is not None]
            if times:
                is_first = numbers[begin] == self._lowest
                runs.append((is_first, min(time[0] for time in times), max(time[1] for time in times)))
            at += 1
        return runs
