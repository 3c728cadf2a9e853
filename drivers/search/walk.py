"""Finding meters on a line that nobody knows: what to ask next, and what the bytes so far mean.

`Walk` is the order of the search. First what is usual (unit ids 1 to 32 at each line setting of USUAL),
then the other unit ids there, then all other settings, and at last function 4 for meters that are silent
to function 3. All meters of a line share its setting, so the first whole frame settles it and the other
settings are dropped (unless `keep_settings`). Every question is a read of one register.

`sight_of` judges what came back of one question:

| what came | sign |
|---|---|
| nothing | SILENT |
| the answer, a refusal | ANSWERS, REFUSES |
| exception 10 or 11 of a TCP gateway | GATEWAY: it is there, the meter is not |
| two answers, or the answer's head with a wrong CRC | GARBLED: two meters with one address |
| a whole frame of others | OTHERS: the setting is right, another master is at work |
| only our own request | ECHO: the adapter hears itself |
| zeros | BREAK: the line rests at the wrong level, as with A and B swapped |
| a whole frame, every bit the other way round | INVERTED: A and B swapped behind an isolator |
| bytes of one parity, and zeros for the others | PARITY: a UART gives 0 for what has the wrong parity |
| any other bytes | UNFRAMED: wrong baud rate or parity, or noise |

`diagnose` says what all of it means together. A receiver with A and B swapped mostly hears nothing, as
its request is nonsense to the meters; so silence never excludes swapped wires, and is not said to.

Pure: bytes and seconds in, questions and verdicts out.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import takewhile
from typing import Final

from attrs import Factory, define, frozen

from drivers.link.verdict import Foreign, ForeignKind, Framing, NeedMore, Refusal, Request, Words
from drivers.modbus.frame import parse
from drivers.modbus.rtu import replies_in, requests_in

QUICK_UNITS: Final = 32
"""Meters are numbered from 1 on; 32 is also what a segment without repeater drives."""
UNIT_ID_MAX: Final = 247
NOBODYS_UNIT_ID: Final = 249
"""Reserved (Modbus over Serial Line V1.02, section 2.2): who answers to it answers to every number."""
GATEWAY_EXCEPTIONS: Final = frozenset({10, 11})
FRAME_CHARACTERS: Final = 15
"""A request of 8 bytes and an answer of 7."""
CHARACTER_BITS: Final = 11
GARBLED_AGAIN: Final = 2
"""How often a damaged answer is asked for again: noise passes, two meters with one address do not."""
HINT_BYTES: Final = 6
"""Fewer bytes than this fit any pattern by chance."""
BREAK_SHARE: Final = 0.9


class Sign(StrEnum):
    """What came back of one question: see the table above."""

    SILENT = "silent"
    ANSWERS = "answers"
    REFUSES = "refuses"
    GATEWAY = "gateway"
    GARBLED = "garbled"
    OTHERS = "others"
    ECHO = "echo"
    BREAK = "break"
    INVERTED = "inverted"
    PARITY = "parity"
    UNFRAMED = "unframed"


LIFE: Final = frozenset({Sign.ANSWERS, Sign.REFUSES, Sign.GARBLED})
"""A meter is there."""
FRAMED: Final = LIFE | {Sign.OTHERS}
"""The setting of the line is right."""


class Verdict(StrEnum):
    """What all bytes together mean."""

    SHARED_ADDRESS = "shared_address"
    EVERY_ADDRESS = "every_address"
    DEAD = "dead"
    ECHO_ONLY = "echo_only"
    NO_METER_BEHIND_GATEWAY = "no_meter_behind_gateway"
    OTHER_MASTER = "other_master"
    SWAPPED = "swapped"
    RESTS_WRONG = "rests_wrong"
    WRONG_PARITY = "wrong_parity"
    WRONG_SETTING = "wrong_setting"
    NOISE = "noise"


@frozen(order=True)
class LineSetting:
    """How a serial line is set."""

    baudrate: int
    parity: str
    stopbits: int = 1

    def __str__(self) -> str:
        return f"{self.baudrate} 8{self.parity}{self.stopbits}"


USUAL: Final[Mapping[LineSetting, str]] = {
    LineSetting(9600, "N"): "as most meters leave their makers",
    LineSetting(9600, "E"): "Modbus asks for even parity; Chinese meters that also speak DL/T 645",
    LineSetting(2400, "E"): "meters of DL/T 645-2007 as they leave their makers",
    LineSetting(19200, "E"): "the standard's own default (Modbus over Serial Line V1.02, 2.5.1)",
    LineSetting(19200, "N"): "the same as often set by hand",
    LineSetting(2400, "N"): "Eastron SDM120 and SDM230 when new",
    LineSetting(4800, "N"): "long lines, old transducers",
    LineSetting(38400, "N"): "power analysers",
    LineSetting(115200, "N"): "gateways and panels of many circuits",
}
"""What is tried first, and why. A receiver takes two stop bits for one, so they need no line here."""
BAUDRATES: Final = (9600, 19200, 4800, 2400, 1200, 38400, 57600, 115200, 14400, 230400)
PARITIES: Final = ("N", "E", "O")


def settings(baudrate: int | None = None, parity: str | None = None, stopbits: int = 1) -> list[LineSetting]:
    """All settings, the usual first; what a URL names is kept."""
    every = [*USUAL, *(LineSetting(rate, kind) for rate in BAUDRATES for kind in PARITIES)]
    chosen = [
        LineSetting(one.baudrate, one.parity, stopbits)
        for one in every
        if baudrate in {None, one.baudrate} and parity in {None, one.parity}
    ]
    return list(dict.fromkeys(chosen))


@frozen
class Sight:
    """What one question showed.

    Attributes:
        sign: What it means for the unit that was asked.
        heard: Units whose replies came although they were not asked just now.
        size: How many bytes came.
    """

    sign: Sign
    heard: tuple[int, ...] = ()
    size: int = 0


def sight_of(framing: Framing, request: Request, data: bytes, transaction_id: int = 0) -> Sight:
    """The judgement of all bytes that came after `request`."""
    answers: list[Sign] = []
    seen: set[ForeignKind] = set()
    heard: list[int] = []
    rest = data
    while rest:
        verdict = parse(framing, rest, request, transaction_id)
        if isinstance(verdict, NeedMore):
            break
        if isinstance(verdict, Foreign):
            seen.add(verdict.kind)
            if verdict.kind is ForeignKind.REPLY and verdict.signature is not None:
                heard.append(verdict.signature.unit_id)
            rest = rest[verdict.consumed :]
            continue
        answers.append(_answered(verdict))
        rest = rest[_size(framing, verdict) :]
    sign = _sign(framing, request, data, rest, answers, seen)
    return Sight(sign, tuple(unit for unit in heard if unit != request.unit_id), len(data))


def _answered(verdict: Words | Refusal) -> Sign:
    if isinstance(verdict, Words):
        return Sign.ANSWERS
    return Sign.GATEWAY if verdict.code in GATEWAY_EXCEPTIONS else Sign.REFUSES


def _size(framing: Framing, verdict: Words | Refusal) -> int:
    words = len(verdict.words) if isinstance(verdict, Words) else 0
    return (9 if framing is Framing.TCP else 5) + words


def _sign(
    framing: Framing,
    request: Request,
    data: bytes,
    rest: bytes,
    answers: list[Sign],
    seen: set[ForeignKind],
) -> Sign:
    if len(answers) > 1:
        return Sign.GARBLED
    if answers:
        return answers[0]
    if not data:
        return Sign.SILENT
    head = bytes((request.unit_id, request.function))
    if framing is Framing.TCP:
        return Sign.UNFRAMED if ForeignKind.LOST_SYNC in seen else Sign.SILENT
    if ForeignKind.CRC in seen or (rest.startswith(head) and len(rest) >= HINT_BYTES):
        return Sign.GARBLED
    if seen & {ForeignKind.REPLY, ForeignKind.REQUEST}:
        return Sign.OTHERS
    if ForeignKind.ECHO in seen and not rest:
        return Sign.ECHO
    return shape_of(rest or data)


def shape_of(data: bytes) -> Sign:
    """What bytes without a frame look like."""
    if data.count(0) >= BREAK_SHARE * len(data):
        return Sign.BREAK
    turned = bytes(byte ^ 0xFF for byte in data)
    if requests_in(turned) or replies_in(turned):
        return Sign.INVERTED
    kept = [byte.bit_count() % 2 for byte in data if byte]
    if len(kept) >= HINT_BYTES and len(kept) < len(data) and len(set(kept)) == 1:
        return Sign.PARITY
    return Sign.UNFRAMED


@frozen
class Ask:
    """One question: a read of one register of a unit at a setting (None: the line has none)."""

    setting: LineSetting | None
    unit_id: int
    function: int = 3


@define
class Walk:
    """The search of one bus.

    Attributes:
        lines: The settings to try, the usual first; a TCP bus has None alone.
        unit_ids: Which units.
        timeout_s: How long a unit may take.
        keep_settings: Go on with the other settings when one is known to be right.
        quick: End after the usual.
    """

    lines: tuple[LineSetting | None, ...]
    unit_ids: tuple[int, ...]
    timeout_s: float
    keep_settings: bool = False
    quick: bool = False
    found: dict[Ask, Sight] = Factory(dict)
    signs: dict[LineSetting | None, Counter[Sign]] = Factory(dict)
    done: int = 0
    _queue: deque[Ask] = Factory(deque)
    _left: Counter[LineSetting | None] = Factory(Counter)
    _costs_s: dict[LineSetting | None, float] = Factory(dict)
    _first: frozenset[Ask] = frozenset()
    _garbled: Counter[Ask] = Factory(Counter)

    def __attrs_post_init__(self) -> None:
        usual = [line for line in self.lines if line is None or _usual(line)] or list(self.lines)
        first = [unit for unit in self.unit_ids if unit <= QUICK_UNITS] or list(self.unit_ids)
        later = [unit for unit in self.unit_ids if unit not in set(first)]
        rare = [line for line in self.lines if line not in set(usual)]
        asks = [Ask(line, unit) for line in usual for unit in first]
        self._first = frozenset(asks)
        if not self.quick:
            asks += [Ask(line, unit) for line in usual for unit in later]
            asks += [Ask(line, unit) for line in rare for unit in (*first, *later)]
            asks += [Ask(line, unit, 4) for line in usual for unit in self.unit_ids]
        self._fill(asks)

    @property
    def total(self) -> int:
        """Questions in all, as far as is known now."""
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
        """How long the rest takes, if it is as silent as it was."""
        return sum(count * self.cost_s(line) for line, count in self._left.items())

    @property
    def quick_left_s(self) -> float:
        """How long the rest of the quick pass takes: it is the head of the queue, and ends of itself."""
        left = Counter(ask.setting for ask in takewhile(self._first.__contains__, self._queue))
        return sum(count * self.cost_s(line) for line, count in left.items())

    def cost_s(self, line: LineSetting | None) -> float:
        """What a question costs at a setting: measured, else the time-out and the time on the wire.

        What questions at other settings cost beyond that (gaps, a slow adapter) is added.
        """
        measured_s = self._costs_s.get(line)
        if measured_s is not None:
            return measured_s
        beyond_s = [cost_s - self._silence_s(other) for other, cost_s in self._costs_s.items()]
        return self._silence_s(line) + max(sum(beyond_s) / len(beyond_s) if beyond_s else 0.0, 0.0)

    def _silence_s(self, line: LineSetting | None) -> float:
        wire_s = 0.0 if line is None else FRAME_CHARACTERS * CHARACTER_BITS / line.baudrate
        return self.timeout_s + wire_s

    def next(self) -> Ask | None:
        """The next question, or None at the end."""
        if not self._queue:
            return None
        ask = self._queue.popleft()
        self._left[ask.setting] -= 1
        return ask

    def took(self, ask: Ask, sight: Sight, seconds: float) -> tuple[Ask, ...]:
        """What a question showed and how long it took; the units that are new by it."""
        self.done += 1
        before = self._costs_s.get(ask.setting, seconds)
        self._costs_s[ask.setting] = 0.9 * before + 0.1 * seconds
        self.signs.setdefault(ask.setting, Counter())[sight.sign] += 1
        new = []
        if sight.sign is Sign.GARBLED and self._garbled[ask] < GARBLED_AGAIN:
            self._garbled[ask] += 1
            self._fill([ask, *self._queue])
        elif sight.sign in LIFE:
            new.append((ask, sight))
        late = Sight(Sign.ANSWERS, size=sight.size)
        new += [(Ask(ask.setting, unit), late) for unit in sight.heard if self._was_asked(ask, unit)]
        known = {(one.setting, one.unit_id) for one in self.found}
        fresh = [(one, what) for one, what in new if (one.setting, one.unit_id) not in known]
        self.found |= dict(fresh)
        if sight.sign in FRAMED or fresh:
            self._settle(ask.setting)
        return tuple(one for one, _ in fresh)

    def stop(self) -> None:
        """Ask nothing more."""
        self._fill([])

    def _was_asked(self, ask: Ask, unit: int) -> bool:
        """Whether a reply of `unit` can be the late answer to a question of this walk."""
        return unit in self.unit_ids and self.unit_ids.index(unit) < self.unit_ids.index(ask.unit_id)

    def _settle(self, line: LineSetting | None) -> None:
        """Drop other settings, and function 4 where a unit is known."""
        units = {ask.unit_id for ask in self.found if ask.setting == line}
        asks = [ask for ask in self._queue if self.keep_settings or ask.setting == line]
        if not self.keep_settings and not self.quick and line is not None and not _usual(line):
            asked = {(ask.unit_id, ask.function) for ask in asks}
            asks += [Ask(line, unit, 4) for unit in self.unit_ids if (unit, 4) not in asked]
        kept = [ask for ask in asks if not (ask.setting == line and ask.unit_id in units)]
        self._fill(kept)

    def _fill(self, asks: Iterable[Ask]) -> None:
        self._queue = deque(asks)
        self._left = Counter(ask.setting for ask in self._queue)


def _usual(line: LineSetting) -> bool:
    return LineSetting(line.baudrate, line.parity) in USUAL


@frozen
class Finding:
    """A verdict, and what it is about: a unit id or a setting, else ""."""

    verdict: Verdict
    about: str = ""


def diagnose(walk: Walk) -> tuple[Finding, ...]:
    """What the bytes so far mean, the most telling first."""
    shared = sorted({ask.unit_id for ask, sight in walk.found.items() if sight.sign is Sign.GARBLED})
    findings = [Finding(Verdict.SHARED_ADDRESS, str(unit)) for unit in shared]
    if any(sight.sign is not Sign.GARBLED for sight in walk.found.values()):
        return tuple(findings)
    findings += _setting_findings(walk.signs)
    if walk.found or findings:
        return tuple(findings)
    total: Counter[Sign] = Counter()
    for signs in walk.signs.values():
        total += signs
    if total[Sign.GATEWAY]:
        return (Finding(Verdict.NO_METER_BEHIND_GATEWAY),)
    if total[Sign.ECHO]:
        return (Finding(Verdict.ECHO_ONLY),)
    return (Finding(Verdict.DEAD),) if total else ()


def _setting_findings(signs: Mapping[LineSetting | None, Counter[Sign]]) -> list[Finding]:
    """What lines with bytes and without meters mean; only the first sign that says something."""
    meanings = (
        (Sign.OTHERS, Verdict.OTHER_MASTER),
        (Sign.INVERTED, Verdict.SWAPPED),
        (Sign.PARITY, Verdict.WRONG_PARITY),
        (Sign.BREAK, Verdict.RESTS_WRONG),
    )
    for sign, verdict in meanings:
        lines = sorted((line for line in signs if line is not None and signs[line][sign]), key=str)
        if lines or (None in signs and signs[None][sign]):
            return [Finding(verdict, ", ".join(map(str, lines)))]
    noisy = [line for line in signs if signs[line][Sign.UNFRAMED]]
    if not noisy:
        return []
    everywhere = len(noisy) == len(signs) and len(signs) >= len(USUAL)
    lines = sorted((line for line in noisy if line is not None), key=str)
    about = ", ".join(map(str, lines))
    return [Finding(Verdict.NOISE if everywhere else Verdict.WRONG_SETTING, about)]
