"""The order in which a search probes an unknown serial bus; `drivers.search.gateway_walk` is that over TCP.

First the usual (unit ids 1 to 32 at each setting of USUAL), then the other unit ids there, then all
other settings, and then function 4 for meters that do not answer function 3. In a last pass, where the
setting is known, those who are silent are asked for the first registers of each model, as far as LAST_PASS_S
reach: some meters keep silent about all that they do not have, register 0 among it. All meters of a bus share
its setting, so the first whole frame decides it and the other settings are dropped (unless `keep_settings`).

`drivers.search.signs` judges the result of one probe, `drivers.search.diagnosis` that of all.

Pure: results and seconds in, probes out.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import takewhile
from typing import Final

from attrs import Factory, define, evolve, frozen

from drivers.link.transport import BITS_PER_CHARACTER
from drivers.search.patient import Control
from drivers.search.signs import FRAMED, LIFE, ProbeResult, Sign

QUICK_UNITS: Final = 32
"""Meters are numbered from 1 on; 32 is also what a segment without repeater drives."""
NOBODYS_UNIT_ID: Final = 249
"""Reserved (Modbus over Serial Line V1.02, section 2.2): a device that answers to it ignores the unit id."""
FRAME_CHARACTERS: Final = 15
"""A request of 8 bytes and an answer of 7."""
LAST_PASS_S: Final = 30.0
"""A hundred questions: all reads for the seven addresses that are nearest to known meters."""
GARBLED_AGAIN: Final = 2
"""How often a damaged answer is probed again: noise passes, two meters with one address do not."""


@frozen(order=True)
class BusSetting:
    """How a serial bus is set."""

    baudrate: int
    parity: str
    stopbits: int = 1

    def __str__(self) -> str:
        return f"{self.baudrate} 8{self.parity}{self.stopbits}"

    @property
    def is_usual(self) -> bool:
        """Whether it is among USUAL, apart from its stop bits."""
        return BusSetting(self.baudrate, self.parity) in USUAL


USUAL: Final[Mapping[BusSetting, str]] = {
    BusSetting(9600, "N"): "as most meters leave their makers",
    BusSetting(9600, "E"): "Modbus asks for even parity; Chinese meters that also speak DL/T 645",
    BusSetting(2400, "E"): "meters of DL/T 645-2007 as they leave their makers",
    BusSetting(19200, "E"): "the standard's own default (Modbus over Serial Line V1.02, 2.5.1)",
    BusSetting(19200, "N"): "the same as often set by hand",
    BusSetting(2400, "N"): "Eastron SDM120 and SDM230 when new",
    BusSetting(4800, "N"): "long cables, old transducers",
    BusSetting(38400, "N"): "power analysers",
    BusSetting(115200, "N"): "gateways and panels of many circuits",
}
"""The settings tried first, and why. A receiver takes two stop bits for one, so they need no entry here."""
BAUDRATES: Final = (9600, 19200, 4800, 2400, 1200, 38400, 57600, 115200, 14400, 230400)
PARITIES: Final = ("N", "E", "O")


def list_settings(
    baudrate: int | None = None, parity: str | None = None, stopbits: int = 1
) -> list[BusSetting]:
    """All settings, the usual first; only those with the given baud rate and parity."""
    every = [*USUAL, *(BusSetting(rate, kind) for rate in BAUDRATES for kind in PARITIES)]
    chosen = [
        BusSetting(one.baudrate, one.parity, stopbits)
        for one in every
        if baudrate in {None, one.baudrate} and parity in {None, one.parity}
    ]
    return list(dict.fromkeys(chosen))


@frozen
class Probe:
    """A read of a unit at a setting (None: the bus has none); of one register at 0 but in the last pass."""

    setting: BusSetting | None
    unit_id: int
    function: int = 3
    address: int = 0
    count: int = 1


@frozen
class Ask:
    """A question to send: a probe, and how long to wait for its answer.

    Attributes:
        pause_s: To keep before it.
        listens: Send nothing, only wait for what is owed.
    """

    probe: Probe
    wait_s: float
    pause_s: float = 0.0
    listens: bool = False


def sort_near(unit_ids: Iterable[int], known: AbstractSet[int]) -> list[int]:
    """Those of the units that are not known, near to known ones first."""
    return sorted(
        set(unit_ids) - known, key=lambda unit: (min(abs(unit - other) for other in known or {1}), unit)
    )


def list_last_pass(
    reads: Iterable[Control], unit_ids: Iterable[int], known: AbstractSet[int], setting: BusSetting | None
) -> list[Probe]:
    """Each read for each unit that is not known, in the order of `sort_near`."""
    near = sort_near(unit_ids, known)
    return [Probe(setting, unit, one.function, one.address, one.count) for unit in near for one in reads]


@define
class Walk:
    """The search of one bus.

    Attributes:
        settings: Those to try, the usual first; a TCP bus has None alone.
        timeout_s: How long a unit may take.
        keep_settings: Continue with the other settings when one is known to be right.
        quick: End after the usual ones.
        first_reads: What the last pass asks for.
    """

    settings: tuple[BusSetting | None, ...]
    unit_ids: tuple[int, ...]
    timeout_s: float
    keep_settings: bool = False
    quick: bool = False
    found: dict[Probe, ProbeResult] = Factory(dict)
    signs: dict[BusSetting | None, Counter[Sign]] = Factory(dict)
    done: int = 0
    first_reads: tuple[Control, ...] = ()
    _queue: deque[Probe] = Factory(deque)
    _is_last: bool = False
    _left: Counter[BusSetting | None] = Factory(Counter)
    _costs_s: dict[BusSetting | None, float] = Factory(dict)
    _first: frozenset[Probe] = frozenset()
    _garbled: Counter[Probe] = Factory(Counter)

    def __attrs_post_init__(self) -> None:
        usual = [one for one in self.settings if one is None or one.is_usual] or list(self.settings)
        first = [unit for unit in self.unit_ids if unit <= QUICK_UNITS] or list(self.unit_ids)
        later = [unit for unit in self.unit_ids if unit not in set(first)]
        rare = [one for one in self.settings if one not in set(usual)]
        probes = [Probe(one, unit) for one in usual for unit in first]
        self._first = frozenset(probes)
        if not self.quick:
            probes += [Probe(one, unit) for one in usual for unit in later]
            probes += [Probe(one, unit) for one in rare for unit in (*first, *later)]
            probes += [Probe(one, unit, 4) for one in usual for unit in self.unit_ids]
        self._fill(probes)

    @property
    def total(self) -> int:
        """Total number of probes as far as known now."""
        return self.done + len(self._queue)

    @property
    def is_quick(self) -> bool:
        """Whether the quick pass still goes on."""
        return bool(self._queue) and self._queue[0] in self._first

    @property
    def is_silent(self) -> bool:
        """Whether not a single byte has come so far."""
        return all(signs.keys() <= {Sign.SILENT} for signs in self.signs.values())

    @property
    def left_s(self) -> float:
        """How long the rest takes, if it stays as silent as it was."""
        return self._cost_of_all_s(self._left)

    @property
    def quick_left_s(self) -> float:
        """How long the rest of the quick pass takes: the head of the queue."""
        head = takewhile(self._first.__contains__, self._queue)
        return self._cost_of_all_s(Counter(probe.setting for probe in head))

    def cost_s(self, setting: BusSetting | None) -> float:
        """What a probe costs at a setting: measured, else the time-out and the time on the wire.

        What probes at other settings cost beyond that (gaps, a slow adapter) is added.
        """
        measured_s = self._costs_s.get(setting)
        if measured_s is not None:
            return measured_s
        beyond_s = [cost_s - self._silence_s(other) for other, cost_s in self._costs_s.items()]
        return self._silence_s(setting) + max(sum(beyond_s) / len(beyond_s) if beyond_s else 0.0, 0.0)

    def _cost_of_all_s(self, probes: Counter[BusSetting | None]) -> float:
        return sum(count * self.cost_s(setting) for setting, count in probes.items())

    def _silence_s(self, setting: BusSetting | None) -> float:
        wire_s = 0.0 if setting is None else FRAME_CHARACTERS * BITS_PER_CHARACTER / setting.baudrate
        return self.timeout_s + wire_s

    def next(self) -> Ask | None:
        """The next question, or None at the end."""
        if not self._queue and not self._is_last:
            self._begin_last_pass()
        if not self._queue:
            return None
        probe = self._queue.popleft()
        self._left[probe.setting] -= 1
        return Ask(probe, self.timeout_s)

    def _begin_last_pass(self) -> None:
        """Ask the silent for what the models have, where the setting is known."""
        self._is_last = True
        settings = {probe.setting for probe in self.found} or set(self.settings)
        if self.quick or len(settings) != 1:
            return
        setting = settings.pop()
        known = {probe.unit_id for probe in self.found}
        probes = list_last_pass(self.first_reads, self.unit_ids, known, setting)
        fits = int(LAST_PASS_S / max(self.cost_s(setting), 0.001))
        self._fill(probes if self.keep_settings else probes[:fits])

    def take(self, ask: Ask, heard: Sequence[tuple[Probe, ProbeResult]], seconds: float) -> tuple[Probe, ...]:
        """Take what came after a question, and how long it took; returns a probe for each new unit."""
        return self.record(ask.probe, dict(heard)[ask.probe], seconds)

    def record(self, probe: Probe, result: ProbeResult, seconds: float) -> tuple[Probe, ...]:
        """Record what a probe showed and how long it took; returns a probe for each new unit."""
        self.done += 1
        if result.sign is Sign.BUSY:  # no gateway is here that could say so for an absent meter
            result = evolve(result, sign=Sign.REFUSES)
        before = self._costs_s.get(probe.setting, seconds)
        self._costs_s[probe.setting] = 0.9 * before + 0.1 * seconds
        self.signs.setdefault(probe.setting, Counter())[result.sign] += 1
        new = []
        if result.sign is Sign.GARBLED and self._garbled[probe] < GARBLED_AGAIN:
            self._garbled[probe] += 1
            self._fill([probe, *self._queue])
        elif result.sign in LIFE:
            new.append((probe, result))
        late = ProbeResult(Sign.ANSWERS, size=result.size)
        new += [(Probe(probe.setting, unit), late) for unit in result.others if self._is_before(unit, probe)]
        known = {(one.setting, one.unit_id) for one in self.found}
        fresh = [(one, what) for one, what in new if (one.setting, one.unit_id) not in known]
        self.found |= dict(fresh)
        if result.sign in FRAMED or fresh:
            self._drop_decided(probe.setting)
        return tuple(one for one, _ in fresh)

    def stop(self) -> None:
        """Drop all further probes."""
        self._is_last = True
        self._fill([])

    def _is_before(self, unit: int, probe: Probe) -> bool:
        """Whether a reply of `unit` can be the late answer to an earlier probe of this walk."""
        return unit in self.unit_ids and self.unit_ids.index(unit) < self.unit_ids.index(probe.unit_id)

    def _drop_decided(self, setting: BusSetting | None) -> None:
        """Drop other settings, and function 4 where a unit is known."""
        units = {probe.unit_id for probe in self.found if probe.setting == setting}
        probes = [probe for probe in self._queue if self.keep_settings or probe.setting == setting]
        is_whole = self.keep_settings or self.quick or self._is_last
        if not is_whole and setting is not None and not setting.is_usual:
            queued = {(probe.unit_id, probe.function) for probe in probes}
            probes += [Probe(setting, unit, 4) for unit in self.unit_ids if (unit, 4) not in queued]
        self._fill(probe for probe in probes if probe.setting != setting or probe.unit_id not in units)

    def _fill(self, probes: Iterable[Probe]) -> None:
        self._queue = deque(probes)
        self._left = Counter(probe.setting for probe in self._queue)
