"""The order of a search over TCP, and how long it waits for each answer.

Behind a TCP gateway is one serial line: it asks one meter at a time, waits W for an absent one, and then says
exception 11 or 10, hangs up, or says nothing. What is asked meanwhile waits in its queue or is dropped. So a
search that gives up too early does not only miss the meter that it asked, but those after it, too. The rules:

1. **One question at a time.** What a gateway owes is waited for, up to OWED_MAX_S.
2. An answer names its unit (and over TCP its question): a late one counts for the unit that was asked.
3. A gateway that **explains** (10, 11, hanging up) tells by that when it is free; no patience has to be
   guessed.
4. Where there is **silence**, each unit gets PATIENCE_S, until a meter is known: that meter, the canary, is
   asked just after a silent unit. Answered at once, the silence holds up nobody, and `timeout_s` is enough.
   Answered later, the line was blocked for that long: that is W, and each silent unit gets it.
5. Exceptions 5 and 6 (busy) are asked again.
6. An address that no meter has is asked first. Where it is answered, the device ignores the address.
   Where it is refused, the same refusal at other addresses proves nothing: it is what the gateway says.
7. Exceptions 10 and 11 and silence at function 3 do not prove that nobody is there: function 4 is asked,
   nearest to known meters first, as far as SECOND_PASS_S reach; `left_out` says how many were not asked.
8. Then, as far as GATEWAY_LAST_PASS_S reach, the first registers of each model (`drivers.search.walk`).

Pure: results and seconds in, questions out.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import Factory, define

from drivers.search.patient import Control
from drivers.search.signs import LIFE, ProbeResult, Sign
from drivers.search.walk import (
    NOBODYS_UNIT_ID,
    QUICK_UNITS,
    Ask,
    BusSetting,
    Probe,
    list_last_pass,
    sort_near,
)

OWED_MAX_S: Final = 10.0
"""Latest answer: gateways queue for seconds, ten is beyond every time-out in use."""
PATIENCE_S: Final = 6.0
"""For a silent unit while nothing is known: gateways wait up to five seconds for an absent meter."""
QUICK_S: Final = 0.3
"""Where silence holds up nobody: a meter without load answers one register well within it."""
QUICK_LATENCIES: Final = 4.0
"""The same as a multiple of the slowest answer."""
TEST_LATENCIES: Final = 2.0
TEST_MIN_S: Final = 0.05
"""How long a silent unit is waited for before the canary is asked: much less than any gateway waits."""
BLOCKED_S: Final = 0.15
"""So much later than usual an answer comes only where it had to wait for its turn. A wait that this does not
show is shorter than QUICK_S or QUICK_LATENCIES, which a silent unit gets then."""
MARGIN: Final = 1.25
"""Patience over what was measured or came late."""
CANARY_S: Final = 2.0
CANARIES_MAX: Final = 30
"""How long and how often a known meter is asked until it answers again: a whole queue may be before it."""
TESTS_MAX: Final = 3
"""How often the test of rule 4 is tried where it comes to nothing."""
BUSY_MAX: Final = 8
BUSY_PAUSE_S: Final = 0.2
"""How often a busy unit is asked again, and the pause, longer each time."""
AGAIN_MAX: Final = 2
"""How often a question is sent that was lost with its connection, or by a gateway that otherwise explains."""
SHRUGS: Final = 4
"""So many units that refuse as nobody's does, and nothing else: a device that ignores the address."""
SECOND_PASS_S: Final = 60.0
GATEWAY_LAST_PASS_S: Final = 12.0
"""Where a gateway waits a second for each question: the address beside a known meter. `thorough` asks all."""

SECOND_FUNCTION: Final = 4
OWN_UNIT_IDS: Final[tuple[int, ...]] = (255, 0)
"""What a TCP device without a bus behind it is called, the usual first (Modbus Messaging on TCP/IP V1.0b,
section 4.4.2.1). They come early, because such a device may be silent at all other addresses. With RTU over
TCP there may be a bus, where 0 speaks to all: there it comes after the usual units, and both are asked only
as long as nobody is found."""
_ASKED_MAX: Final = {Sign.BUSY: BUSY_MAX, Sign.HUNG_UP: AGAIN_MAX, Sign.GARBLED: 3}
"""How often a unit is asked that answers so."""


@define
class GatewayWalk:
    """The search of one TCP bus; the attributes that it shares with `drivers.search.walk.Walk` mean the same.

    Attributes:
        timeout_s: Patience with silence where it holds up nobody; what is owed is waited for all the same.
        has_ids: Whether an answer names its question (Modbus TCP); RTU over TCP does not.
        thorough: Ask function 4 of all, however long it takes.
        waits_s: How long the gateway waits for an absent meter; None as long as that is not known.
        busy: Units that said that they are busy whenever they were asked.
    """

    unit_ids: tuple[int, ...]
    timeout_s: float = QUICK_S
    quick: bool = False
    has_ids: bool = True
    thorough: bool = False
    found: dict[Probe, ProbeResult] = Factory(dict)
    signs: dict[BusSetting | None, Counter[Sign]] = Factory(lambda: {None: Counter()})
    done: int = 0
    waits_s: float | None = None
    ignores_unit_id: bool = False
    left_out: int = 0
    busy: list[int] = Factory(list)
    first_reads: tuple[Control, ...] = ()
    _now_s: float = 0.0
    _queue: deque[Probe] = Factory(deque)
    _first: frozenset[Probe] = frozenset()
    _explains: bool = False
    _hangs_up: bool = False
    _is_free: bool | None = None
    _slow_s: float = 0.0
    _latency_s: float = 0.0
    _owed: dict[Probe, float] = Factory(dict)
    _asked: Counter[Probe] = Factory(Counter)
    _pause_s: float = 0.0
    _away: list[Probe] = Factory(list)
    _shrugs: list[Probe] = Factory(list)
    _shrug_codes: set[int] = Factory(set)
    _canary: Probe | None = None
    _canaries: int = 0
    _tests: int = 0
    _tested_s: float | None = None
    _late: deque[Probe] = Factory(deque)
    _second: bool = False
    _is_last: bool = False

    def __attrs_post_init__(self) -> None:
        own = OWN_UNIT_IDS if self.has_ids else OWN_UNIT_IDS[:1]
        usual = [unit for unit in (1, *own) if unit in self.unit_ids]
        usual += [unit for unit in self.unit_ids if unit <= QUICK_UNITS and unit not in usual]
        first = usual or list(self.unit_ids)
        later = [] if self.quick else [unit for unit in self.unit_ids if unit not in set(first)]
        self._first = frozenset(Probe(None, unit) for unit in first)
        nobody = (NOBODYS_UNIT_ID,) if self.has_ids else ()
        self._fill(Probe(None, unit) for unit in (*nobody, *first, *later))

    # -- what a person is told

    @property
    def total(self) -> int:
        """Total number of questions as far as known now."""
        return self.done + len(self._queue)

    @property
    def is_quick(self) -> bool:
        """Whether the usual units are still being asked."""
        return any(probe in self._first for probe in self._queue) and not self._second

    @property
    def is_silent(self) -> bool:
        """Whether not a single byte has come so far."""
        return self.signs[None].keys() <= {Sign.SILENT}

    @property
    def left_s(self) -> float:
        """How long the rest takes if nobody is there."""
        second_s = 0.0 if self._second else self._second_s()
        return len(self._queue) * self.cost_s() + second_s

    @property
    def quick_left_s(self) -> float:
        """How long the rest of the usual units takes."""
        return sum(probe in self._first for probe in self._queue) * self.cost_s()

    def cost_s(self) -> float:
        """What an absent unit costs."""
        if self._explains and self.waits_s is not None:
            return self.waits_s
        return self._patience_s()

    def _second_s(self) -> float:
        units = len(self._away) + len(self._queue)
        whole_s = units * self.cost_s()
        return whole_s if self.thorough or not self._canary else min(whole_s, SECOND_PASS_S)

    # -- questions

    def next(self) -> Ask | None:
        """The next question, or None at the end."""
        if self._owed and (self._explains or (not self._queue and self._is_unknown)):
            left_s = max(self._owed.values()) - self._now_s
            if left_s > 0:
                return Ask(next(reversed(self._owed)), left_s, listens=True)
            if self._explains:
                self._ask_again()
            self._owed.clear()
        if self._late:
            return Ask(self._late[0], CANARY_S)
        if self._canary is not None and self._tested_s is not None:
            return Ask(self._canary, CANARY_S)
        if not self._queue and not self._second:
            self._begin_second_pass()
        if not self._queue and not self._is_last:
            self._begin_last_pass()
        if self._canary is not None and self._wants_test and (self._away or self._queue):
            return self._test(self._away[-1] if self._away else self._queue.popleft())
        if not self._queue:
            return None
        pause_s, self._pause_s = self._pause_s, 0.0
        return Ask(self._queue.popleft(), self._patience_s(), pause_s)

    @property
    def _wants_test(self) -> bool:
        return self._is_unknown and self._tests < TESTS_MAX

    @property
    def _is_unknown(self) -> bool:
        """Whether a silent unit may hold up the others, and nobody knows for how long."""
        return self._is_free is None and self.waits_s is None and not self._explains

    def _test(self, probe: Probe) -> Ask:
        """Ask a unit that is probably silent, to see how soon the canary is answered after it."""
        self._tests += 1
        self._tested_s, self._canaries = self._now_s, 0
        return Ask(probe, self._test_s())

    def _test_s(self) -> float:
        return max(TEST_LATENCIES * self._latency_s, TEST_MIN_S)

    def _patience_s(self) -> float:
        if self._explains:
            return OWED_MAX_S
        if self.waits_s is not None:
            patience_s = MARGIN * self.waits_s + QUICK_S
        elif self._is_free:
            patience_s = max(self.timeout_s, QUICK_LATENCIES * self._latency_s)
        else:
            patience_s = max(self.timeout_s, PATIENCE_S)
        return min(max(patience_s, self._slow_s), OWED_MAX_S)

    def _ask_again(self) -> None:
        """What a gateway that explains itself never answered was lost."""
        for probe in self._owed:
            if self._asked[probe] < AGAIN_MAX and self._is_away(probe):
                self._away.remove(probe)
                self._queue.append(probe)
                self.done -= 1

    def _begin_second_pass(self) -> None:
        """Function 4 for those that function 3 did not find."""
        self._second = True
        if self.quick:
            return
        known = {probe.unit_id for probe in self.found}
        near = sort_near(self._list_silent(), known)
        fits = len(near)
        if self.found and not self.thorough:
            fits = min(fits, int(SECOND_PASS_S / max(self.cost_s(), 0.001)))
        self.left_out = len(near) - fits
        self._fill(Probe(None, unit, SECOND_FUNCTION) for unit in near[:fits])

    def _begin_last_pass(self) -> None:
        """What the models have, for those that neither function found."""
        self._is_last = True
        if self.quick:
            return
        known = {probe.unit_id for probe in self.found}
        probes = list_last_pass(self.first_reads, self._list_silent(), known, None)
        fits = int(GATEWAY_LAST_PASS_S / max(self.cost_s(), 0.001))
        self._fill(probes if self.thorough else probes[:fits])

    def _list_silent(self) -> set[int]:
        """The units that said nothing of their own."""
        units = {probe.unit_id for probe in (*self._shrugs, *self._away)} - {NOBODYS_UNIT_ID}
        return {unit for unit in units if self._is_wanted(unit)}

    # -- answers

    def take(self, ask: Ask, heard: Sequence[tuple[Probe, ProbeResult]], seconds: float) -> tuple[Probe, ...]:
        """Take what came after a question, and how long it took; returns each unit that is new.

        At that moment nothing is under way, so the unit can be named on another connection.
        """
        began_s, self._now_s = self._now_s, self._now_s + seconds
        answer: ProbeResult | None = None
        for probe, result in heard:
            if probe == ask.probe and not ask.listens and result.sign is not Sign.SILENT:
                answer = result
                self._owed.pop(probe, None)
            elif result.sign is not Sign.SILENT:
                self._owed.pop(probe, None)
                self._note_late(probe, result, seconds)
        if ask.listens:
            return ()
        if answer is None:
            return self._note_silence(ask.probe, began_s)
        if ask.probe in self._late or self._is_found(ask.probe):
            return self._note_canary(ask.probe, answer)
        if self._tested_s is not None:
            self._tested_s = None  # the unit of the test is not silent
        return self._settle(ask.probe, answer, seconds)

    def stop(self) -> None:
        """Ask nothing more."""
        self._fill([])
        self._late.clear()
        self._owed.clear()
        self._second, self._is_last = True, True
        self._tested_s, self._tests = None, TESTS_MAX

    def _fill(self, probes: Iterable[Probe]) -> None:
        self._queue = deque(probes)

    def _is_wanted(self, unit_id: int) -> bool:
        """Whether a unit can still be a device of its own."""
        return self.has_ids or not self.found or unit_id not in OWN_UNIT_IDS

    def _is_found(self, probe: Probe) -> bool:
        return any(one.unit_id == probe.unit_id for one in self.found)

    def _is_away(self, probe: Probe) -> bool:
        return probe in self._away

    def _note_silence(self, probe: Probe, began_s: float) -> tuple[Probe, ...]:
        self.signs[None][Sign.SILENT] += 1
        self._owed[probe] = began_s + OWED_MAX_S
        if probe in self._late or self._is_found(probe):
            self._canaries += 1
            if self._canaries < CANARIES_MAX:
                return ()
            self._tested_s, self._canaries = None, 0
            if self._late:
                return self._keep(self._late.popleft(), ProbeResult(Sign.ANSWERS))  # it did answer once
            return ()
        self._asked[probe] += 1
        self._note_away(probe)
        return ()

    def _note_away(self, probe: Probe) -> None:
        if not self._is_away(probe):
            self._away.append(probe)
            self.done += 1

    def _note_canary(self, probe: Probe, result: ProbeResult) -> tuple[Probe, ...]:
        """A unit that is known to be there is answered: the line is free, and was blocked until now.

        Each earlier question to it that waits in the gateway's queue still takes its turn.
        """
        self._pause_s = MARGIN * self._canaries * self._latency_s
        self._canaries = 0
        if self._tested_s is not None:
            blocked_s = self._now_s - self._tested_s
            if blocked_s > self._test_s() + self._latency_s + BLOCKED_S:
                self.waits_s = blocked_s
            else:
                self._is_free = True
            self._tested_s = None
        self._owed.clear()  # one line answers in turn
        if probe in self._late:
            self._late.remove(probe)
            return self._keep(probe, result if result.sign in LIFE else ProbeResult(Sign.ANSWERS))
        return ()

    def _settle(self, probe: Probe, result: ProbeResult, seconds: float) -> tuple[Probe, ...]:
        """What the answer to a question means."""
        self.signs[None][result.sign] += 1
        self._asked[probe] += 1
        known = result.sign is Sign.HUNG_UP and self._hangs_up
        if self._asked[probe] < _ASKED_MAX.get(result.sign, 0) and not known:
            self._pause_s = BUSY_PAUSE_S * self._asked[probe] if result.sign is Sign.BUSY else 0.0
            self._queue.appendleft(probe)
            return ()
        if result.sign in {Sign.GATEWAY, Sign.HUNG_UP}:
            self._explains = True
            self._hangs_up = self._hangs_up or result.sign is Sign.HUNG_UP
            if seconds < OWED_MAX_S:
                self.waits_s = max(self.waits_s or 0.0, seconds)
            self._note_away(probe)
            return ()
        if probe not in self._away:
            self.done += 1
        if result.sign is Sign.BUSY:
            self.busy.append(probe.unit_id)
        elif probe.unit_id == NOBODYS_UNIT_ID:
            self._note_nobody(result)
        elif result.sign is Sign.REFUSES and result.code in self._shrug_codes:
            return self._note_shrug(probe, result)
        elif result.sign in LIFE:
            self._latency_s = max(self._latency_s, seconds)
            return self._keep(probe, result)
        return ()

    def _note_nobody(self, result: ProbeResult) -> None:
        if result.sign is Sign.REFUSES:
            self._shrug_codes.add(result.code)
        else:
            self.ignores_unit_id = result.sign in LIFE

    def _note_shrug(self, probe: Probe, result: ProbeResult) -> tuple[Probe, ...]:
        """A refusal that nobody's address gets, too."""
        self._shrugs.append(probe)
        others = self.signs[None].keys() - {Sign.REFUSES}
        if self.found or others or len(self._shrugs) < min(SHRUGS, len(self.unit_ids)):
            return ()
        self.ignores_unit_id = True
        return self._keep(self._shrugs[0], result)

    def _note_late(self, probe: Probe, result: ProbeResult, seconds: float) -> None:
        """An answer to an earlier question: more patience is needed, or a gateway explains itself."""
        self.signs[None][result.sign] += 1
        if result.sign is Sign.GATEWAY:
            self._explains = True
            return
        if result.sign not in LIFE or probe.unit_id == NOBODYS_UNIT_ID:
            return
        self._slow_s = min(max(self._slow_s, MARGIN * (self._patience_s() + seconds)), OWED_MAX_S)
        if not self._is_found(probe) and probe not in self._late:
            self._late.append(probe)

    def _keep(self, probe: Probe, result: ProbeResult) -> tuple[Probe, ...]:
        """Note a unit that is there; returned if it is new."""
        self._away = [one for one in self._away if one.unit_id != probe.unit_id]
        if self._is_found(probe):
            return ()
        self.found[probe] = result
        self._fill(
            one for one in self._queue if one.unit_id != probe.unit_id and self._is_wanted(one.unit_id)
        )
        if self._canary is None and result.sign is not Sign.GARBLED:
            self._canary = probe
        return (probe,)
