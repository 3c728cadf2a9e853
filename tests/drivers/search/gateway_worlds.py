"""Gateways in virtual time: one serial line, a queue in front, and who is behind it."""

import random
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from attrs import Factory, define

from drivers.search.gateway_walk import GatewayWalk
from drivers.search.patient import Control
from drivers.search.prober import Heard
from drivers.search.signs import ProbeResult, Sign
from drivers.search.walk import Ask, Probe

TURN_S = 0.06


@define
class Gateway:
    """Waits `waits_s` for an absent unit, then `says` this (None: nothing).

    `queue` is how many questions it keeps beside the one that it asks; others are dropped. Units in
    `only_fourth` answer function 4 alone, those in `only_read` nothing but that. `lost` is the share of
    answers that the line loses, `busy` of those put off by exception 6; `direct` is a device that is silent
    at once for units that are not its own.
    """

    live: AbstractSet[int]
    waits_s: float = 1.0
    says: Sign | None = Sign.GATEWAY
    queue: int = 100
    turn_s: float = TURN_S
    only_fourth: AbstractSet[int] = frozenset()
    refuse: AbstractSet[int] = frozenset()
    only_read: Mapping[int, Control] = Factory(dict)
    lost: float = 0.0
    busy: float = 0.0
    direct: bool = False
    seed: int = 0
    now_s: float = 0.0
    asked: list[int] = Factory(list)
    overlapped: int = 0
    _free_s: float = 0.0
    _coming: list[tuple[float, Probe, ProbeResult]] = Factory(list)
    _busy_until: list[tuple[float, int]] = Factory(list)
    _random: random.Random = Factory(random.Random)

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def ask(self, ask: Ask) -> tuple[Heard, float]:
        self.now_s += ask.pause_s
        began_s = self.now_s
        if not ask.listens:
            self._take(ask.probe)
        end_s = self.now_s + ask.wait_s
        for at_s, probe, _ in sorted(self._coming, key=lambda one: one[0]):
            if probe == ask.probe and at_s <= end_s:
                end_s = max(at_s, self.now_s)
                break
        heard = tuple((probe, result) for at_s, probe, result in self._coming if at_s <= end_s)
        self._coming = [one for one in self._coming if one[0] > end_s]
        self.now_s = end_s
        return heard, self.now_s - began_s + ask.pause_s

    def is_busy_with_others(self, units: AbstractSet[int]) -> bool:
        """Whether a question to any other unit is under way."""
        return any(until_s > self.now_s + 1e-9 and unit not in units for until_s, unit in self._busy_until)

    def _take(self, probe: Probe) -> None:
        self.asked.append(probe.unit_id)
        self._busy_until = [one for one in self._busy_until if one[0] > self.now_s]
        self.overlapped += bool(self._busy_until)
        if len(self._busy_until) > self.queue:
            return
        begin_s = max(self._free_s, self.now_s)
        result = self._answer(probe)
        there = result is not None and result.sign in {Sign.ANSWERS, Sign.REFUSES, Sign.BUSY}
        took_s = self.turn_s if there else 0.0 if self.direct else self.waits_s
        self._free_s = begin_s + took_s
        if self._free_s > self.now_s:
            self._busy_until.append((self._free_s, probe.unit_id))
        if result is not None:
            self._coming.append((self._free_s, probe, result))

    def _answer(self, probe: Probe) -> ProbeResult | None:
        asked = Control(probe.function, probe.address, probe.count)
        absent = None if self.says is None or self.direct else ProbeResult(self.says)
        if probe.unit_id not in self.live or (probe.unit_id in self.only_fourth and probe.function == 3):
            return absent
        if self.only_read.get(probe.unit_id, asked) != asked:
            return absent
        drawn = self._random.random()
        if drawn < self.lost:
            return absent
        if drawn < self.lost + self.busy:
            return ProbeResult(Sign.BUSY, code=6)
        if probe.unit_id in self.refuse:
            return ProbeResult(Sign.REFUSES, code=2)
        return ProbeResult(Sign.ANSWERS)


def run(walk: GatewayWalk, world: Gateway, asks_max: int = 5000) -> set[int]:
    """The units that a walk finds."""
    found: set[int] = set()
    for _ in range(asks_max):
        ask = walk.next()
        if ask is None:
            return found
        assert ask.wait_s >= 0
        heard, seconds = world.ask(ask)
        fresh = walk.take(ask, heard, seconds)
        if fresh:
            assert not world.is_busy_with_others({probe.unit_id for probe in fresh}), "the line is not free"
        found |= {probe.unit_id for probe in fresh}
    raise AssertionError("the walk does not end")
