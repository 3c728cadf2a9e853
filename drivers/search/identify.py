"""Identifies the model of a meter whose register table is not known.

`identify` tries the models one after the other. A model with fingerprints, or one that SunSpec
discovery makes, is certain if all of them fit and its values do not contradict it; then no other is
tried. An optional fingerprint can only support its model. Otherwise every model is read as
if the meter were one, and `drivers.search.plausibility` judges the answers.
The best comes first, with its confidence and its reasons; models that explain the answers equally well
are `alike`, and a person has to look at the label.

Reads only. A meter that does not answer for registers it lacks costs a time-out for each model.
"""

from collections.abc import Callable, Iterable
from typing import Final

from attrs import evolve, field, frozen

from drivers.clock import Clock
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.verdict import FUNCTIONS, GATEWAY_EXCEPTIONS
from drivers.points.model import Model
from drivers.points.model_file import Fingerprint
from drivers.points.point_table import points_json
from drivers.poll.bus import MeterBus
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import Block, PollGroup, Quality
from drivers.search.plausibility import IMPOSSIBLE, Code, Reason, judge
from drivers.search.sunspec import discover

SCAN_TIMEOUT_S: Final = 0.3
"""A meter without load answers one register well within it; 247 silent addresses take 75 s at one request."""
PROBE_TIMEOUT_S: Final = 0.5
"""For finding out whether an address exists: the slowest meters in use answer within it."""
IDENTIFY_TIMEOUT_S: Final = 1.0
CERTAIN: Final = 0.99
"""Never 1: a maker may give the same name to another register table."""
DOUBT: Final = 0.9
"""The doubt that remains after one point of plausibility."""
CONFIDENCE_MAX: Final = 0.95
"""Greatest from plausibility alone: another meter may have these quantities at these registers."""

_PROBED: Final = ((3, 0), (4, 0))
"""Function and address."""


@frozen
class Match:
    """A model that fits a meter.

    Attributes:
        certain: Whether identity registers prove it, and nothing contradicts it.
        score: How strong the evidence for it is.
        confidence: The same between 0 and 1.
        reasons: The evidence for and against it.
        alike: Names of the other models that explain the answers as well as this one.
    """

    model: Model
    certain: bool
    score: int
    confidence: float
    reasons: tuple[Reason, ...]
    alike: tuple[str, ...] = field(default=())


def probe(bus: MeterBus, unit_id: int, *, timeout_s: float = PROBE_TIMEOUT_S) -> str:
    """How an address responds: "answers", "refuses", "garbled", or "" if it does not."""
    for function, address in _PROBED:
        try:
            bus.read(unit_id, function, address, 1, timeout_s=timeout_s)
        except ReplyTimeoutError:
            continue
        except ExceptionReplyError as error:
            if error.code in GATEWAY_EXCEPTIONS:
                continue
            return "refuses"
        except ReplyError:
            return "garbled"
        return "answers"
    return ""


def identify(
    bus: MeterBus,
    unit_id: int,
    models: Iterable[Model],
    clock: Clock,
    note: Callable[[str], object] = lambda _: None,
) -> tuple[Match, ...]:
    """The models that fit, the likeliest first; `note` is called with the name of each before it is tried."""
    known = [model for model in models if all(point.function in FUNCTIONS for point in model.points)]
    matches: list[Match] = []
    for model in known:
        if model.fingerprints:
            note(model.name)
            if all(_has_mark(bus, unit_id, mark, clock) for mark in model.fingerprints):
                matches += _try_model(bus, unit_id, model, clock, marks=model.fingerprints)
    note("sunspec")
    matches += _try_sunspec(bus, unit_id, clock, matches)
    if not any(match.certain for match in matches):
        for model in known:
            is_marked = any(not mark.optional for mark in model.fingerprints)
            if not is_marked and not model.is_analyser:  # any number may be an emission
                if not model.fingerprints:
                    note(model.name)
                matches += _try_model(bus, unit_id, model, clock)
    return rank(matches)


def rank(matches: Iterable[Match]) -> tuple[Match, ...]:
    """Best first; they share the confidence, one point of score halving it, and never reach 1 together."""
    first = sorted(matches, key=lambda match: (not match.certain, -match.score, match.model.name))
    shares = [2.0 ** (match.score - first[0].score) * (match.certain == first[0].certain) for match in first]
    best_first = []
    for match, share in zip(first, shares, strict=True):
        alike = tuple(
            other.model.name
            for other in first
            if other is not match and (other.certain, other.score) == (match.certain, match.score)
        )
        best_first.append(evolve(match, alike=alike, confidence=match.confidence * share / sum(shares)))
    return tuple(best_first)


def same_registers(one: Model, other: Model) -> bool:
    """Whether the two have the same points, whatever they are called: no meter could fit only one."""
    first, second = (
        {tuple(sorted((key, str(value)) for key, value in point.items())) for point in points}
        for points in (points_json(model.points).values() for model in (one, other))
    )
    return first == second


def _try_sunspec(bus: MeterBus, unit_id: int, clock: Clock, matches: Iterable[Match]) -> list[Match]:
    """The model that SunSpec discovery makes, unless a shipped one is the same."""
    try:
        model = discover(bus, unit_id)
    except BusDownError:
        raise
    except DriverError:
        return []
    if any(same_registers(model, match.model) for match in matches):
        return []
    return _try_model(bus, unit_id, model, clock, marks=model.fingerprints)


def _try_model(
    bus: MeterBus, unit_id: int, model: Model, clock: Clock, marks: tuple[Fingerprint, ...] = ()
) -> list[Match]:
    """The match of a model whose fingerprints `marks` fit; empty if its registers rule it out."""
    meter = Meter(MeterSetup(model.name, model, unit_id), bus.gap_registers_max)
    reasons = [Reason(Code.FINGERPRINT, *_describe(mark)) for mark in marks]
    blocks: list[Block] = []
    for group in PollGroup:
        if not model.group(group):
            continue
        reading = meter.poll(bus, group, clock)
        if reading.quality is not Quality.GOOD:
            if group is PollGroup.FAST and not marks:
                return []
            reasons.append(Reason(Code.UNANSWERED, group.value, reading.reason))
        blocks += reading.blocks
        if group is PollGroup.FAST and _is_ruled_out(judge(model, blocks)):
            break
    return _to_match(model, (*reasons, *judge(model, blocks)), marked=bool(marks))


def _is_ruled_out(reasons: Iterable[Reason]) -> bool:
    return any(reason.weight == IMPOSSIBLE for reason in reasons)


def _to_match(model: Model, reasons: tuple[Reason, ...], *, marked: bool) -> list[Match]:
    if _is_ruled_out(reasons) and not marked:
        return []
    score = sum(max(reason.weight, -40) for reason in reasons)
    if score <= 0:
        return []
    against = any(reason.weight < 0 and reason.code is not Code.UNANSWERED for reason in reasons)
    certain = marked and not against
    confidence = CERTAIN if certain else min(1 - DOUBT**score, CONFIDENCE_MAX)
    return [Match(model, certain, score, confidence, reasons)]


def _describe(mark: Fingerprint) -> tuple[str, str]:
    return f"{mark.function}:{mark.address}", " / ".join(map(str, mark.one_of))


def _has_mark(bus: MeterBus, unit_id: int, mark: Fingerprint, clock: Clock) -> bool:
    for _ in range(2):
        before = bus.stats.requests
        try:
            answer = bus.read(unit_id, mark.function, mark.address, mark.count, timeout_s=IDENTIFY_TIMEOUT_S)
        except ReplyTimeoutError:
            if bus.stats.requests != before:
                return False
            clock.sleep(IDENTIFY_TIMEOUT_S)  # it was not sent: the late answer to another read may come
        except (ExceptionReplyError, ReplyError):
            return False
        else:
            return mark.matches(answer.words)
    return False
