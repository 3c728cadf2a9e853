"""The check of a ledger of clues: every step that is forged, foreign, moved, left out or out of course. Pure.

Steps are taken one by one, in the order in which they stand. Of each the first of these that fails is named:

    form        it is no step
    signature   the key that it names has not signed it: it was altered
    key         the root has certified no officer of this name with this key: a stranger's
    validity    the officer's certificates are not in force at its time
    withdrawn   the officer's key was withdrawn, and not believed from a time before it on
    number      a step with this number stands above: moved, or put in twice
    missing     steps before it are left out
    previous    it does not name the step before it: another one stood there
    time        it is older than the step before it
    course      it does not follow in its clue (`evidence.clues.course`)

What fails up to `number` counts for nothing, and its number is not called missing again. What fails behind
that is an officer's own step and is shown, and the next one is held against it. A withdrawal ends a key from
its `since_utc_ms` on: a ledger is kept for years, and what an officer signed before stays signed. A thief who
signs with an earlier time has to put it behind the last step, and every later step names it.

The end (`evidence.clues.step`) is checked in the same way, and against the last step that counts.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from attrs import define, field, frozen

from evidence.cbor import FormatError
from evidence.clues.course import Clue, CourseError, follow
from evidence.clues.step import End, SignedStep, Step, hash_step, open_end, parse_step
from evidence.orders.certificate import Role
from evidence.orders.trust import Trust
from evidence.seal import NO_HASH


class Fault(StrEnum):
    """See the module."""

    FORM = "form"
    SIGNATURE = "signature"
    KEY = "key"
    VALIDITY = "validity"
    WITHDRAWN = "withdrawn"
    NUMBER = "number"
    MISSING = "missing"
    PREVIOUS = "previous"
    TIME = "time"
    COURSE = "course"
    END = "end"


@frozen
class Wrong:
    """One fault: of the item `at` of the ledger, from 1 on, with the number `seq`, 0 where it has none."""

    fault: Fault
    at: int
    seq: int
    text: str


@frozen
class Taken:
    """A step that counts, and its hash."""

    step: Step
    hash: bytes


@define
class Ledger:
    """The ledger as far as it was taken.

    Attributes:
        trust: What the root says of keys.
        steps: Those that count, in the order in which they stand.
        clues: By id, in the order of their beginning.
    """

    trust: Trust
    steps: list[Taken] = field(factory=list, init=False)
    clues: dict[str, Clue] = field(factory=dict, init=False)

    @property
    def seq(self) -> int:
        """The number of the last step, 0 before the first."""
        return self.steps[-1].step.seq if self.steps else 0

    @property
    def hash(self) -> bytes:
        """What the next step names."""
        return self.steps[-1].hash if self.steps else NO_HASH

    def find_stranger(self, name: str, key: bytes, utc_ms: int) -> tuple[Fault, str] | None:
        """Why who signs is no officer at that time; None if it is one."""
        named = [one for one in self.trust.certificates(Role.OFFICER, name) if one.key == key]
        if not named:
            return Fault.KEY, f"the root has certified no officer {name} with the key {key.hex()}"
        if not any(one.covers(utc_ms) for one in named):
            return Fault.VALIDITY, f"the certificates of {name} are not in force at its time"
        withdrawal = self.trust.withdrawal_of(key)
        if withdrawal is not None and utc_ms >= withdrawal.since_utc_ms:
            return Fault.WITHDRAWN, f"the key of {name} was withdrawn before: {withdrawal.reason}"
        return None

    def take(self, signed: SignedStep, digest: bytes) -> tuple[Fault, str] | None:
        """Take a step with a good signature, if it is the next; else say what is wrong and take nothing."""
        step = signed.step
        wrong = self.find_stranger(step.officer, step.key, step.utc_ms) or self._find_misfit(step)
        if wrong is None:
            try:
                self._count(step, digest)
            except (CourseError, FormatError) as error:
                return Fault.COURSE, str(error)
        return wrong

    def keep(self, step: Step, digest: bytes) -> None:
        """Go on behind a step that is an officer's and does not follow."""
        self.steps.append(Taken(step, digest))

    def _count(self, step: Step, digest: bytes) -> None:
        self.clues[step.clue] = follow(self.clues.get(step.clue), step)
        self.steps.append(Taken(step, digest))

    def _find_misfit(self, step: Step) -> tuple[Fault, str] | None:
        if step.seq <= self.seq:
            return Fault.NUMBER, f"step {step.seq} stands behind step {self.seq}: moved, or put in twice"
        if step.seq > self.seq + 1:
            return Fault.MISSING, _say_missing(self.seq + 1, step.seq - 1)
        if step.previous != self.hash:
            return Fault.PREVIOUS, f"step {step.seq} names another step {self.seq} than the one before it"
        if self.steps and step.utc_ms < self.steps[-1].step.utc_ms:
            return Fault.TIME, f"step {step.seq} is older than the step before it"
        return None


@frozen
class Checked:
    """A whole ledger after its check; `end` is None where nobody signed one that is good."""

    ledger: Ledger
    wrong: tuple[Wrong, ...]
    end: End | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; a ledger without an end may still have lost its last steps."""
        return not self.wrong


_NOT_COUNTED: Final = frozenset((Fault.KEY, Fault.VALIDITY, Fault.WITHDRAWN, Fault.NUMBER))


def check_ledger(raws: Sequence[bytes], end: bytes | None, trust: Trust) -> Checked:
    """Check the steps `raws` and the `end`, if there is one."""
    opened = [_open(raw) for raw in raws]
    ledger, wrong = Ledger(trust), list[Wrong]()
    seen: set[int] = {one.step.seq for one in opened if isinstance(one, SignedStep)}
    for at, (raw, one) in enumerate(zip(raws, opened, strict=True), 1):
        if isinstance(one, str):
            wrong.append(Wrong(Fault.FORM, at, 0, one))
        elif not one.holds:
            text = f"step {one.step.seq} is not signed with the key that it names: it was altered"
            wrong.append(Wrong(Fault.SIGNATURE, at, one.step.seq, text))
        else:
            wrong += _take(ledger, one, raw, at, seen)
    found = None if end is None else _check_end(ledger, end, len(raws) + 1)
    if isinstance(found, Wrong):
        wrong.append(found)
    return Checked(ledger, tuple(wrong), None if isinstance(found, Wrong) else found)


def _open(raw: bytes) -> SignedStep | str:
    try:
        return parse_step(raw)
    except FormatError as error:
        return str(error)


def _take(ledger: Ledger, one: SignedStep, raw: bytes, at: int, seen: set[int]) -> Iterator[Wrong]:
    """Take a step, and name what is wrong with it; a number that stands elsewhere is not missing."""
    step, digest = one.step, hash_step(raw)
    found = ledger.take(one, digest)
    if found is None:
        return
    fault, text = found
    if fault in _NOT_COUNTED:
        yield Wrong(fault, at, step.seq, text)
        return
    if fault is Fault.MISSING:
        gone = list(_find_gaps(ledger.seq + 1, step.seq - 1, seen))
        yield from (Wrong(fault, at, step.seq, _say_missing(first, last)) for first, last in gone)
    else:
        yield Wrong(fault, at, step.seq, text)
    ledger.keep(step, digest)
    if fault is not Fault.COURSE:
        try:
            ledger.clues[step.clue] = follow(ledger.clues.get(step.clue), step)
        except (CourseError, FormatError) as error:
            yield Wrong(Fault.COURSE, at, step.seq, str(error))


def _find_gaps(first: int, last: int, seen: set[int]) -> Iterator[tuple[int, int]]:
    """The numbers from `first` to `last` that stand nowhere, as ranges."""
    begin = first
    for number in [*sorted(one for one in seen if first <= one <= last), last + 1]:
        if number > begin:
            yield begin, number - 1
        begin = number + 1


def _say_missing(first: int, last: int) -> str:
    return f"step {first} is missing" if first == last else f"steps {first} to {last} are missing"


def _check_end(ledger: Ledger, raw: bytes, at: int) -> End | Wrong:
    try:
        end = open_end(raw)
    except FormatError as error:
        return Wrong(Fault.END, at, 0, str(error))
    stranger = ledger.find_stranger(end.officer, end.key, end.utc_ms)
    if stranger is not None:
        return Wrong(stranger[0], at, end.seq, f"the end: {stranger[1]}")
    if end.seq > ledger.seq:
        return Wrong(Fault.MISSING, at, end.seq, _say_missing(ledger.seq + 1, end.seq))
    if (end.seq, end.hash) != (ledger.seq, ledger.hash):
        return Wrong(Fault.END, at, end.seq, f"the end names another last step than step {ledger.seq}")
    return end
