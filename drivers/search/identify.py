"""Identifies the model of a meter whose register table is not known.

`identify` tries the models one after the other. A model with fingerprints, or one that SunSpec
discovery makes, is certain if all of them fit and its values do not contradict it; then no other is
tried. An optional fingerprint can only support its model. Otherwise every model is read as
if the meter were one, and `drivers.search.plausibility` judges the answers.
The best comes first, with its confidence and its reasons; models that explain the answers equally well
are `alike`, and a person has to look at the label. A SunSpec device may have several meters: each is a match
of its own, numbered, and the models of one meter are compared only with each other.

A model is dropped only for what is certain (`drivers.search.patient`). Where the bus was too poor to judge a
model, it stands in `unjudged`, and nothing is named by plausibility: the model that was not judged might be
the one. A model of which a register is refused is tried once more point by point, because a meter may lack
one: if it has answered for some of the others, or if no model fits at all.

Reads only. A meter that does not answer for registers it lacks costs a few time-outs for each model.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from attrs import define, evolve, field, frozen

from drivers.clock import Clock
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.port import HUNG_UP_TWICE
from drivers.link.verdict import FUNCTIONS
from drivers.points.model import Model
from drivers.points.model_file import Fingerprint
from drivers.points.point_table import points_json
from drivers.poll.bus import MeterBus
from drivers.reading import Block, PollGroup
from drivers.search.attempt import read_group, read_points
from drivers.search.patient import TRANSIENTS, Control, Losses, PatientBus, UnclearError
from drivers.search.plausibility import IMPOSSIBLE, Code, Reason, judge, turn_words
from drivers.search.signs import BUSY_EXCEPTIONS
from drivers.search.sunspec import SunSpecMeter, discover

PROBE_TIMEOUTS_S: Final = (0.5, 0.5, 1.0, 3.0)
"""For finding out whether an address exists: nearly every meter answers within the first, one behind a radio
link within the last, and of four answers not all are lost."""
CERTAIN: Final = 0.99
"""Never 1: a maker may give the same name to another register table."""
DOUBT: Final = 0.9
"""The doubt that remains after one point of plausibility."""
CONFIDENCE_MAX: Final = 0.95
"""Greatest from plausibility alone: another meter may have these quantities at these registers."""

SERIAL_POINT: Final = "serial_number"
_PROBED: Final = (Control(3, 0), Control(4, 0))


@frozen
class Match:
    """A model that fits a meter.

    Attributes:
        certain: Whether identity registers prove it, and nothing contradicts it.
        score: How strong the evidence for it is.
        confidence: The same between 0 and 1.
        reasons: The evidence for and against it.
        alike: Names of the other models that explain the answers as well as this one.
        meter: Which meter of a SunSpec device it is, from 1; 0 where the device is no such.
        serial: The serial number that it has there, "" for none.
    """

    model: Model
    certain: bool
    score: int
    confidence: float
    reasons: tuple[Reason, ...]
    alike: tuple[str, ...] = field(default=())
    meter: int = 0
    serial: str = ""


@frozen
class Identification:
    """What `identify` found out.

    Attributes:
        matches: The models that fit, the likeliest first; of a SunSpec device, meter by meter.
        losses: What became of the requests.
        unjudged: The models that could be neither confirmed nor dropped.
        turned: Models that nothing else fits better than with the words of each number in the other order.
        pause_s: How long it is deaf after an answer, as far as that shows; its neighbours often are, too.
    """

    matches: tuple[Match, ...]
    losses: Losses
    unjudged: tuple[str, ...] = ()
    pause_s: float = 0.0
    turned: tuple[Model, ...] = ()

    @property
    def is_too_poor(self) -> bool:
        """Whether the bus lost too many answers to name the meter."""
        return bool(self.unjudged) and not any(match.certain for match in self.matches)

    @property
    def meters(self) -> tuple[Match, ...]:
        """The best match of each meter of the device."""
        best: dict[int, Match] = {}
        for match in self.matches:
            best.setdefault(match.meter, match)
        numbered = tuple(best[number] for number in sorted(best) if number)
        return numbered or tuple(best.values())


@frozen
class Life:
    """How an address responds, and to what: "answers", "refuses", "garbled", "busy", "hung_up"; "" if not."""

    how: str = ""
    control: Control = _PROBED[0]

    def __bool__(self) -> bool:
        return bool(self.how)


def list_first_reads(models: Iterable[Model]) -> tuple[Control, ...]:
    """The first point of each model, those of most models first, for meters that are silent at register 0."""
    firsts: Counter[Control] = Counter()
    for model in models:
        fast = () if model.is_analyser else model.group(PollGroup.FAST)
        points = [point for point in fast if point.function in FUNCTIONS and point.address]
        if points:
            first = min(points, key=lambda point: (point.function, point.address))
            firsts[Control(first.function, first.address, first.count)] += 1
    return tuple(control for control, _ in firsts.most_common())


def probe(
    bus: MeterBus,
    unit_id: int,
    timeouts_s: Sequence[float] = PROBE_TIMEOUTS_S,
    first_reads: Iterable[Control] = (),
) -> Life:
    """How an address responds, asked as often as there are time-outs; an answer says more than a refusal.

    If it is silent each time, `first_reads` are tried, because it may be silent about what it does not have.
    """
    trouble = Life()
    for timeout_s in timeouts_s:
        lives = [_probe(bus, unit_id, control, timeout_s) for control in _PROBED]
        for how in ("answers", "refuses"):
            if certain := [life for life in lives if life.how == how]:
                return certain[0]
        trouble = next((life for life in reversed(lives) if life), trouble)
    if trouble:
        return trouble
    lives_then = (_probe(bus, unit_id, control, timeouts_s[0]) for control in first_reads)
    return next((life for life in lives_then if life), trouble)


def _probe(bus: MeterBus, unit_id: int, control: Control, timeout_s: float) -> Life:
    try:
        bus.read(unit_id, control.function, control.address, control.count, timeout_s=timeout_s)
    except ReplyTimeoutError:
        return Life()
    except ExceptionReplyError as error:
        if error.code not in TRANSIENTS:
            return Life("refuses", control)
        return Life("busy", control) if error.code in BUSY_EXCEPTIONS else Life()
    except ReplyError as error:
        return Life("hung_up" if HUNG_UP_TWICE in str(error) else "garbled", control)
    return Life("answers", control)


def identify(
    bus: MeterBus,
    unit_id: int,
    models: Iterable[Model],
    clock: Clock,
    note: Callable[[str], object] = lambda _: None,
    control: Control = _PROBED[0],
    pause_s: float = 0.0,
) -> Identification:
    """The models that fit; `note` is called with the name of each before it is tried.

    `control` is a read that this unit answers, as `probe` found it; `pause_s` is kept from the start.

    Raises:
        BusDownError: The bus cannot be used.
    """
    patient = PatientBus(bus, unit_id, control, clock, pause_s=pause_s)
    patient.warm_up()
    trial = _Trial(patient, unit_id)
    known = [model for model in models if all(point.function in FUNCTIONS for point in model.points)]
    for model in known:
        if model.fingerprints:
            note(model.name)
            trial.try_marked(model)
    note("sunspec")
    trial.try_sunspec()
    if not any(match.certain for match in trial.matches):
        plain = [model for model in known if not _is_marked(model) and not model.is_analyser]
        for model in plain:
            if not model.fingerprints:
                note(model.name)
            trial.try_model(model)
        for model in list(trial.lacking):
            if trial.knows_some_of(model) or not (trial.matches or trial.unjudged):
                trial.try_points(model)
    return trial.end()


def _is_marked(model: Model) -> bool:
    """Whether a meter of this model must have its fingerprints; any number may be an emission, too."""
    return any(not mark.optional for mark in model.fingerprints)


def rank(matches: Iterable[Match]) -> tuple[Match, ...]:
    """Best first; those of one meter share the confidence, one point of score halving it."""
    first = sorted(
        matches, key=lambda match: (not match.certain, match.meter, -match.score, match.model.name)
    )
    best_first = []
    for match in first:
        rivals = [other for other in first if other.meter == match.meter]
        shares = [_share(other, rivals[0]) for other in rivals]
        alike = tuple(
            other.model.name
            for other in rivals
            if other is not match and (other.certain, other.score) == (match.certain, match.score)
        )
        confidence = match.confidence * _share(match, rivals[0]) / sum(shares)
        best_first.append(evolve(match, alike=alike, confidence=confidence))
    return tuple(best_first)


def _share(match: Match, best: Match) -> float:
    return 2.0 ** (match.score - best.score) * (match.certain == best.certain)


def same_registers(one: Model, other: Model) -> bool:
    """Whether the two have the same points, whatever they are called: no meter could fit only one."""
    first, second = (
        {tuple(sorted((key, str(value)) for key, value in point.items())) for point in points}
        for points in (points_json(model.points).values() for model in (one, other))
    )
    return first == second


@define
class _Trial:
    """The models that were tried on one meter; it refused some register of the `lacking` ones."""

    bus: PatientBus
    unit_id: int
    matches: list[Match] = field(factory=list)
    unjudged: list[str] = field(factory=list)
    lacking: list[Model] = field(factory=list)
    turned: dict[str, tuple[int, Model]] = field(factory=dict)

    def end(self) -> Identification:
        """What came of it."""
        unjudged = tuple(dict.fromkeys(self.unjudged))
        found = [match for match in self.matches if match.certain or not unjudged]
        turned = sorted(self.turned.values(), key=lambda one: (-one[0], one[1].name))
        others = () if found or unjudged else tuple(model for _, model in turned)
        return Identification(rank(found), self.bus.losses, unjudged, self.bus.pause_s, others)

    def try_marked(self, model: Model) -> None:
        """Try a model by its fingerprints."""
        try:
            fits = all(self._has_mark(mark) for mark in model.fingerprints)
        except UnclearError:
            self.unjudged.append(model.name)
            return
        if fits:
            self.try_model(model, model.fingerprints)

    def _has_mark(self, mark: Fingerprint) -> bool:
        try:
            answer = self.bus.read(self.unit_id, mark.function, mark.address, mark.count)
        except (ExceptionReplyError, ReplyTimeoutError):
            return False
        return mark.matches(answer.words)

    def try_sunspec(self) -> None:
        """Try the models that SunSpec discovery makes; a shipped one that is the same takes its place."""
        try:
            meters = discover(self.bus, self.unit_id)
        except BusDownError:
            raise
        except UnclearError:
            self.unjudged.append("sunspec")
            return
        except DriverError:
            return
        for meter in meters:
            same = [match for match in self.matches if same_registers(meter.model, match.model)]
            for match in same:
                self.matches.remove(match)
                self.matches.append(evolve(match, meter=meter.number, serial=meter.serial))
            if not same:
                self.try_model(meter.model, meter.model.fingerprints, meter)

    def try_model(
        self, model: Model, marks: tuple[Fingerprint, ...] = (), meter: SunSpecMeter | None = None
    ) -> None:
        """Try a model whose fingerprints `marks` fit."""
        blocks: list[Block] = []
        reasons = [Reason(Code.FINGERPRINT, *_describe(mark)) for mark in marks]
        try:
            for group in PollGroup:
                reason = self._read_group(model, group, blocks, alone=bool(marks))
                if reason is not None:
                    if group is PollGroup.FAST and not marks:
                        self.lacking.append(model)
                        return
                    reasons.append(reason)
                if group is PollGroup.FAST and _is_ruled_out(judge(model, blocks)):
                    self._try_turned(model, blocks)
                    break
        except UnclearError:
            self.unjudged.append(model.name)
            return
        self._keep(model, blocks, reasons, meter, marked=bool(marks))

    def _try_turned(self, model: Model, blocks: Sequence[Block]) -> None:
        """See whether absurd values make sense with their words in the other order."""
        turned = turn_words(model)
        reasons = judge(turned, blocks)
        score = sum(reason.weight for reason in reasons)
        is_shown = any(reason.code is Code.WORD_ORDER for reason in reasons)
        if is_shown and score > 0 and not _is_ruled_out(reasons):
            self.turned[model.name] = score, turned

    def _read_group(
        self, model: Model, group: PollGroup, blocks: list[Block], *, alone: bool
    ) -> Reason | None:
        """Read a group into `blocks`, point by point if need be and `alone`; why it is not whole."""
        try:
            blocks += read_group(self.bus, self.unit_id, model, group)
        except UnclearError:
            raise
        except (ExceptionReplyError, ReplyTimeoutError) as error:
            if alone:
                blocks += read_points(self.bus, self.unit_id, model.group(group))
            return Reason(Code.UNANSWERED, group.value, str(error))
        return None

    def knows_some_of(self, model: Model) -> bool:
        """Whether the meter has answered for a point that is polled."""
        points = model.group(PollGroup.FAST)
        return any(self.bus.has_answered(point.function, point.address, point.count) for point in points)

    def try_points(self, model: Model) -> None:
        """Try a model point by point: its meter may lack some of the registers."""
        points = model.group(PollGroup.FAST)
        try:
            blocks = read_points(self.bus, self.unit_id, points)
        except UnclearError:
            self.unjudged.append(model.name)
            return
        if 2 * len(blocks) > len(points):
            missing = Reason(Code.UNANSWERED, PollGroup.FAST.value)
            self._keep(model, blocks, [missing], None, marked=False)

    def _keep(
        self,
        model: Model,
        blocks: Sequence[Block],
        reasons: Sequence[Reason],
        meter: SunSpecMeter | None,
        *,
        marked: bool,
    ) -> None:
        number = meter.number if meter else 0
        serial = meter.serial if meter else str(model.decode(blocks).get(SERIAL_POINT, ""))
        for match in _to_match(model, (*reasons, *judge(model, blocks)), marked=marked):
            self.matches.append(evolve(match, meter=number, serial=serial))


def _is_ruled_out(reasons: Iterable[Reason]) -> bool:
    return any(reason.weight == IMPOSSIBLE for reason in reasons)


def _to_match(model: Model, reasons: tuple[Reason, ...], *, marked: bool) -> Iterator[Match]:
    if _is_ruled_out(reasons) and not marked:
        return
    score = sum(max(reason.weight, -40) for reason in reasons)
    if score <= 0:
        return
    against = any(reason.weight < 0 and reason.code is not Code.UNANSWERED for reason in reasons)
    certain = marked and not against
    confidence = CERTAIN if certain else min(1 - DOUBT**score, CONFIDENCE_MAX)
    yield Match(model, certain, score, confidence, reasons)


def _describe(mark: Fingerprint) -> tuple[str, str]:
    return f"{mark.function}:{mark.address}", " / ".join(map(str, mark.one_of))
