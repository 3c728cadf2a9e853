"""Asks a meter each question until its outcome is certain: a lost or a busy answer is no proof of anything.

What one request of a search may bring, and when it is believed:

| outcome | believed |
|---|---|
| words | at once: the bus returns only those that were asked for |
| an exception but 5, 6, 10 and 11 | when the meter has given it TWICE |
| 5 and 6 (it is busy), 10 and 11 (of a gateway), no answer, a damaged one | never by itself |

A question that brings only the last kind is asked again, and between its failures the `control`, a read that
the meter is known to answer: now often, now seldom, because a meter may be busy at each second request. If
the control is answered and the question never is, not even by a word that it is busy, the meter keeps silent
about these registers; how often that takes follows from the share of answers that this bus loses, so that
chance alone explains it in one of 1 / DOUBT questions. Where TRIES_MAX does not suffice for that, the bus is
too poor to tell: `UnclearError`.

On a serial bus a question may have to wait because the answer to the one before might still come and look the
same. Then the control is asked: a meter that answers it has done with the question. As it has to be
answered for that, the first question that is takes the place of a control that was only refused.

`Losses` is pure. `PatientBus` sends one request after the other, and remembers what is certain.
"""

import math
from typing import Final

from attrs import Factory, define, field, frozen

from drivers.clock import Clock
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.transaction import Answer, BusStats
from drivers.link.verdict import GATEWAY_EXCEPTIONS
from drivers.poll.bus import MeterBus
from drivers.search.signs import BUSY_EXCEPTIONS

TRANSIENTS: Final = BUSY_EXCEPTIONS | GATEWAY_EXCEPTIONS
TWICE: Final = 2
"""A refusal drops a model for good, so one that a disturbance made must not do."""
DOUBT: Final = 1e-4
"""Greatest probability that a silence is chance: a search asks a hundred questions."""
TRIES_MIN: Final = 2
TRIES_MAX: Final = 12
"""Enough where up to 46 % of all answers are lost; a worse bus needs a technician and not more patience."""
GONE_TRIES: Final = 24
"""Failures in a row after which the meter is gone: by chance once in 1e8 where 46 % are lost."""
WARM_UP: Final = 8
"""Requests for the control that show how good the bus is: if all are answered, six tries mean silence."""
CONTROLS: Final = (1, 0, 2, 0, 1, 3)
"""How often the control is asked after each failure, in turn: no rhythm of a meter fits all of it."""
BUSY_PAUSE_S: Final = 0.05
BUSY_PAUSE_MAX_S: Final = 0.4
"""Before a busy meter is asked again: longer each time."""
TIMEOUT_FIRST_S: Final = 1.0
TIMEOUT_MAX_S: Final = 4.0
"""Answers over radio and mobile networks take up to 2.5 s."""
TIMEOUT_MIN_S: Final = 0.3
TIMEOUT_LATENCIES: Final = 4.0
"""Time-out as a multiple of the slowest answer so far."""
DEAF_CONTROLS: Final = 3
"""So many controls that come to nothing right after an answer, and fewer that do not, mean a meter that needs
a pause. A question proves nothing: the meter may keep silent about it."""
LONGER_CONTROLS: Final = 2
"""The same where a pause is kept that may be too short."""
DEAF_WARM_UP: Final = 48
"""Longest warm-up, of a meter whose pause is not known yet: the longest takes two dozen requests."""
PAUSE_FIRST_S: Final = 0.1
PAUSE_TIMES: Final = 1.5
"""Each further try of a pause: of the hundred requests that follow, each costs what it is too long."""
PAUSE_MAX_S: Final = 0.8
"""Makers ask for up to half a second between an answer and the next request. Where this does not help either,
the meter is not deaf, and no pause is kept."""
BUDGET_S: Final = 300.0
"""A hundred answers of a radio link take four minutes; a bus that needs longer is too poor."""
CONTROL_SPARE: Final = 1
"""Registers that the control may read more, to be told from a question."""
NOT_SENT_MAX: Final = 12
"""A bus that waits for late answers refuses to send for at most ten seconds."""


_Key = tuple[int, int, int]


class UnclearError(DriverError):
    """The bus loses so much that nothing can be said about these registers."""


@frozen
class Control:
    """A read that the meter answers, if only with an exception: of one register unless it needs more."""

    function: int
    address: int
    count: int = 1


@define
class Losses:
    """How many requests were sent, and what became of them.

    Attributes:
        asked: All requests.
        lost: Those without an answer or with a damaged one.
        busy: Those that were put off: exceptions 5, 6, 10 and 11.
    """

    asked: int = 0
    lost: int = 0
    busy: int = 0
    _failed: int = 0
    _answered: int = 0
    _in_a_row: int = 0

    @property
    def share(self) -> float:
        """The share of requests that come to nothing, at the upper end of what so few requests can show."""
        asked = self._failed + self._answered + 2
        share = (self._failed + 1) / asked
        return min(share + math.sqrt(share * (1 - share) / asked), 0.99)

    @property
    def tries(self) -> int:
        """How many failures of a question mean silence; above TRIES_MAX no number does."""
        return max(math.ceil(math.log(DOUBT) / math.log(self.share)), TRIES_MIN)

    @property
    def is_gone(self) -> bool:
        """Whether nothing at all is answered any more."""
        return self._in_a_row >= GONE_TRIES

    def note_failure(self, *, busy: bool) -> None:
        """Note a request that came to nothing."""
        self.asked += 1
        self.busy += busy
        self.lost += not busy
        self._in_a_row += 1

    def note_answer(self, failures: int) -> None:
        """Note an answer or a refusal, after so many failures of the same question."""
        self.asked += 1
        self._in_a_row = 0
        self._failed += failures
        self._answered += 1


@define
class _Question:
    """One question, as far as it is answered."""

    failures: int = 0
    busy: int = 0
    controls: int = 0
    not_sent: int = 0
    codes: dict[int, int] = Factory(dict)


@define
class PatientBus:
    """A bus on which one unit is asked as described above; `control` is asked first, and after failures."""

    _bus: MeterBus
    _unit_id: int
    _control: Control
    _clock: Clock
    losses: Losses = Factory(Losses)
    url: str = field(init=False)
    gap_registers_max: int = field(init=False)
    stats: BusStats = field(init=False)
    _control_key: _Key = field(init=False)
    _is_control_good: bool = False
    _known: dict[_Key, Answer | DriverError] = Factory(dict)
    _was_answered: bool = False
    _heard: int = 0
    _unheard: int = 0
    _pause_s: float = 0.0
    _may_be_deaf: bool = True
    _end_s: float = math.inf
    _asked_control: _Question = Factory(_Question)
    _slowest_s: float = 0.0
    _timeout_s: float = TIMEOUT_FIRST_S

    def __attrs_post_init__(self) -> None:
        self.url, self.gap_registers_max = self._bus.url, self._bus.gap_registers_max
        self.stats = self._bus.stats
        self._control_key = self._control.function, self._control.address, self._control.count

    @property
    def pause_s(self) -> float:
        """The pause that the meter needs after each answer, as far as it is known."""
        return self._pause_s

    def close(self) -> None:
        """Release the port."""
        self._bus.close()

    def warm_up(self) -> None:
        """Learn from the control how much this bus loses and how slow the meter is.

        Raises:
            BusDownError: The bus cannot be used.
        """
        self._clock.sleep(self._pause_s)  # it may have been asked just now
        self._end_s = self._clock.monotonic_s() + BUDGET_S
        for number in range(DEAF_WARM_UP):
            is_proved = self._heard > self._unheard or not self._may_be_deaf
            if number >= WARM_UP and is_proved:
                return
            self._ask_control()

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float = 0.0,
        spare_registers: int = 0,
    ) -> Answer:
        """The words of a read, or why there are none, for certain; what is certain is not asked again.

        The time-out is that of this meter, whatever `timeout_s` says.

        Raises:
            ExceptionReplyError: The meter refuses these registers.
            ReplyTimeoutError: It keeps silent about them.
            UnclearError: The bus is too poor to tell.
            BusDownError: The bus cannot be used.
        """
        del timeout_s, spare_registers
        if unit_id != self._unit_id:
            raise ValueError(f"unit {unit_id} on a bus for unit {self._unit_id}")
        key = function, address, count
        known = self._infer(key)
        if known is None:
            known = self._find_out(key)
            if not isinstance(known, UnclearError):
                self._known[key] = known
        if isinstance(known, DriverError):
            raise known
        return known

    def has_answered(self, function: int, address: int, count: int) -> bool:
        """Whether these registers were in an answer."""
        return any(
            isinstance(known, Answer)
            and one[0] == function
            and one[1] <= address
            and address + count <= sum(one[1:])
            for one, known in self._known.items()
        )

    def _infer(self, key: _Key) -> Answer | DriverError | None:
        """What is certain of a read: itself, or part of an answer; a refusal tells nothing of longer ones."""
        function, first, count = key
        for (other, begin, many), known in self._known.items():
            offset = first - begin
            if isinstance(known, Answer) and other == function and 0 <= offset <= many - count:
                return Answer(known.words[2 * offset :][: 2 * count], known.latency_s)
        return self._known.get(key)

    def _find_out(self, key: _Key) -> Answer | DriverError:
        question = _Question()
        while (end := self._give_up(question)) is None:
            not_sent = question.not_sent
            outcome = self._ask(key, question)
            if isinstance(outcome, Answer):
                if not self._is_control_good:
                    self._control_key, self._is_control_good = key, True
                return outcome
            if question.not_sent != not_sent:
                if not self._ask_control():
                    self._clock.sleep(TIMEOUT_FIRST_S)
                continue
            if outcome is not None:
                question.codes[outcome.code] = question.codes.get(outcome.code, 0) + 1
                if question.codes[outcome.code] >= TWICE:
                    return outcome
                continue
            for _ in range(CONTROLS[question.failures % len(CONTROLS)]):
                question.controls += self._ask_control()
        return end

    def _give_up(self, question: _Question) -> ReplyTimeoutError | UnclearError | None:
        """What a question that is not answered means; None as long as it is worth asking."""
        if self._clock.monotonic_s() > self._end_s:
            return UnclearError(f"the bus needs more than {BUDGET_S:.0f} s")
        if self.losses.is_gone:
            return UnclearError(f"nothing is answered any more ({self.losses.asked} requests)")
        tries = self.losses.tries
        if question.controls and question.failures >= min(tries, TRIES_MAX):
            if tries <= TRIES_MAX and not question.busy:
                return ReplyTimeoutError("silent")
            if question.failures >= TRIES_MAX:
                return UnclearError(f"{question.failures} requests in a row came to nothing")
        return None

    def _ask_control(self) -> bool:
        """Whether the control is answered now; while it is not, the time-out grows."""
        question, not_sent = self._asked_control, self._asked_control.not_sent
        spare = CONTROL_SPARE if self._control_key[2] == 1 else 0  # who needs two may not have a third
        outcome = self._ask(self._control_key, question, spare)
        if outcome is not None:
            self._is_control_good = self._is_control_good or isinstance(outcome, Answer)
            return True
        if question.not_sent == not_sent:
            self._timeout_s = min(2 * self._timeout_s, TIMEOUT_MAX_S)
        return False

    def _ask(
        self, key: _Key, question: _Question, spare_registers: int = 0
    ) -> Answer | ExceptionReplyError | None:
        """Send one request: its answer or the meter's refusal, None if it came to nothing."""
        before = self.stats.requests
        if self._was_answered:
            self._clock.sleep(self._pause_s)
        asked_s = self._clock.monotonic_s()
        try:
            answer = self._bus.read(
                self._unit_id, *key, timeout_s=self._timeout_s, spare_registers=spare_registers
            )
        except ExceptionReplyError as error:
            if error.code not in GATEWAY_EXCEPTIONS:
                self._note_latency(self._clock.monotonic_s() - asked_s)
            return self._note_exception(error, question)
        except BusDownError:
            raise
        except (ReplyTimeoutError, ReplyError):
            if self.stats.requests == before and question.not_sent < NOT_SENT_MAX:
                question.not_sent += 1  # the bus still waits for late answers to others
                return None
            question.not_sent = 0
            self._note_response(question, answered=False)
            question.failures += 1
            self.losses.note_failure(busy=False)
            return None
        question.not_sent = 0
        self._note_response(question, answered=True)
        self.losses.note_answer(question.failures)
        question.failures = 0
        self._note_latency(answer.latency_s)
        return answer

    def _note_latency(self, latency_s: float) -> None:
        self._slowest_s = max(self._slowest_s, latency_s)
        self._timeout_s = min(max(TIMEOUT_LATENCIES * self._slowest_s, TIMEOUT_MIN_S), TIMEOUT_MAX_S)

    def _note_exception(self, error: ExceptionReplyError, question: _Question) -> ExceptionReplyError | None:
        """Note an exception; returns it if it is the meter's refusal."""
        self._note_response(question, answered=error.code not in GATEWAY_EXCEPTIONS)
        if error.code not in TRANSIENTS:
            self.losses.note_answer(question.failures)
            question.failures = 0
            return error
        question.failures += 1
        question.busy += error.code in BUSY_EXCEPTIONS
        self.losses.note_failure(busy=True)
        self._clock.sleep(min(BUSY_PAUSE_S * question.failures, BUSY_PAUSE_MAX_S))
        return None

    def _note_response(self, question: _Question, *, answered: bool) -> None:
        """Learn whether the meter is deaf for a moment after each answer."""
        if self._was_answered and self._may_be_deaf:
            self._heard += answered
            self._unheard += not answered and question is self._asked_control
            enough = LONGER_CONTROLS if self._pause_s else DEAF_CONTROLS
            if self._unheard >= enough and self._unheard > self._heard:
                self._heard = self._unheard = 0
                self._may_be_deaf = self._pause_s < PAUSE_MAX_S
                if not self._may_be_deaf:
                    self._pause_s = 0.0
                else:
                    self._pause_s = min(max(PAUSE_TIMES * self._pause_s, PAUSE_FIRST_S), PAUSE_MAX_S)
        self._was_answered = answered
