"""Step `wiring`: judges the wiring of each meter by several reads. A mistake is shown with its remedy.

All meters are read at the same time, several reads some seconds apart. The technician sees the values as
they arrive, may type clamp meter readings, corrects mistakes and measures again as often as needed; every
verdict is kept, and the last one of a meter counts. A mistake does not stop the setup: it is recorded in
the journal, in the chain and on the sheet, and stands in the site file, so that the agent says it and judges
nothing by that meter until it has been measured again and is good.
"""

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from attrs import evolve

from disk.translation import to_chinese
from drivers.points.point import PHASES, Ratio
from drivers.reading import POWER_POINT, PollGroup
from evidence.words import Words
from provisioning.journal.entries import MeterFound, WiringVerdict, find_last_wiring
from provisioning.setup.confirm import has_power, model_of, place_of
from provisioning.setup.lines import ask_rated_again
from provisioning.setup.meters import Readers, Sample
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError
from provisioning.setup.walk import BackError, walk
from provisioning.setup.words import WORDS, text
from provisioning.terminal.show import Screen, table
from provisioning.terminal.typed import CURRENT_UNITS, read_number, read_ratio, split_list
from provisioning.wiring import Diagnosis, Expected, Mistake, diagnose
from provisioning.wiring.diagnosis import MOST_W, NAMEPLATE_MOST
from provisioning.wiring.ratio import find_right_ratio
from provisioning.words.language import translate

READS: Final = 5
READS_MIN, READS_MAX = 3, 10
EVERY_S: Final = 1.5
EVERY_S_MIN, EVERY_S_MAX = 0.2, 30.0
"""Pause between reads; without it all would see the same moment of a fluctuating load."""
CLAMP_A_MAX: Final = 10_000.0
SHOWN: Final = (
    ("voltage", "V", 1.0),
    ("current", "A", 1.0),
    ("active_power", "kW", 1000.0),
    ("power_factor", "PF", 1.0),
)
ALL_COLUMNS: Final = 76
"""A terminal with room for the values of three phases of all that is SHOWN."""
Samples = Mapping[str, Sequence[Sample]]
_STYLE: Final = {"good": "green", "mistake": "bold red", "undecided": "yellow"}


def wiring(session: Session) -> None:
    """Measure and judge; let the technician correct and measure again."""
    meters = [meter for meter in session.journal.meters if has_power(session, meter)]
    samples = _measure(session, meters)
    for meter in meters:
        _judge(session, meter, samples, _take_clamp(session, meter))
    if not session.talk.assume_yes:
        clamp_a: dict[str, dict[str, float]] = {}
        walk(
            session.talk,
            partial(_ask_clamp, session, meters, samples, clamp_a),
            *(partial(_correct, session, meter.id, samples, clamp_a) for meter in meters),
        )
    session.write_site()
    session.done("wiring")


def _measure(session: Session, meters: Sequence[MeterFound]) -> dict[str, list[Sample]]:
    """Several reads of each meter, shown as they arrive."""
    given = session.answers.wiring
    reads = READS if given.reads is None else given.reads
    if not READS_MIN <= reads <= READS_MAX:
        session.talk.refuse("wiring.reads", "not_in_range", low=READS_MIN, high=READS_MAX, typed=reads)
    every_s = min(max(given.pause_s or EVERY_S, EVERY_S_MIN), EVERY_S_MAX)
    samples: dict[str, list[Sample]] = {meter.id: [] for meter in meters}
    session.talk.say("measuring", count=len(meters), reads=reads)
    groups = (PollGroup.FAST, PollGroup.SLOW)  # most models have reactive power in the slow group
    with Readers(session, meters, groups, rounds=reads, every_s=every_s) as readers, Screen() as screen:
        for sample in readers.samples():
            samples[sample.meter].append(sample)
            screen.draw(_format_values(session, meters, samples, screen.size[0]))
    return samples


def _format_values(session: Session, meters: Sequence[MeterFound], samples: Samples, columns: int) -> Any:
    """The last values of each meter; a narrow terminal shows no voltages, which differ least."""
    shown = SHOWN if columns >= ALL_COLUMNS else SHOWN[1:]
    rows = []
    for meter in meters:
        last = samples[meter.id][-1] if samples[meter.id] else None
        cells = [_format_phases(last, name, scale) if last else "" for name, _, scale in shown]
        line = next((one.name or one.id for one in session.journal.lines if one.id == meter.line), "")
        rows.append((meter.id, line[:16], *cells, f"{len(samples[meter.id])}"))
    return table(("", "", *(unit for _, unit, _ in shown), ""), rows, gives_way=1)


def _format_phases(sample: Sample, name: str, scale: float) -> str:
    """The values of the phases, else the one of the whole meter."""
    if sample.reason:
        return "–"
    found = [sample.number(f"{name}_{phase}") for phase in PHASES[:3]]
    if not any(one is not None for one in found):
        found = [sample.number(name)]
    return " ".join("–" if one is None else f"{one / scale:.3g}" for one in found)


def _take_clamp(session: Session, meter: MeterFound) -> dict[str, float]:
    path, given = session.answers.meter_at(meter.id, place_of(meter))
    for phase, amps in given.clamp_a.items():
        if phase not in PHASES[:3] or not 0 <= amps <= CLAMP_A_MAX:
            session.talk.refuse(f"{path}.clamp_a.{phase}", "no_clamp", typed=f"{phase} = {amps:g}")
    return given.clamp_a


def _judge(session: Session, meter: MeterFound, samples: Samples, clamp_a: dict[str, float]) -> WiringVerdict:
    """Judge a meter, keep the verdict and show it."""
    answered = [dict(sample.values) for sample in samples[meter.id] if not sample.reason]
    at = session.now()
    if answered:
        expected = _find_expected(session, meter, samples, clamp_a)
        verdict = _to_verdict(meter.id, at, diagnose(answered, expected))
    else:
        why = next((sample.reason for sample in samples[meter.id]), "")
        verdict = WiringVerdict(
            meter.id,
            at,
            "undecided",
            sentence=WORDS["meter_silent_now"].fill(why=Words(to_chinese(why), why)),
            remedy=WORDS["check_bus"],
        )
    session.keep(wiring=(*session.journal.wiring, verdict))
    fields = {
        "meter": meter.id,
        "verdict": verdict.verdict,
        "mistake": verdict.mistake,
        "phases": list(verdict.phases),
        "ratio": verdict.ratio,
        "sentence": verdict.sentence.to_body(),
        "remedy": verdict.remedy.to_body(),
    }
    session.chain("wiring", **fields, numbers=verdict.numbers)
    session.talk.event("wiring", **fields)
    _print_verdict(session, meter, verdict)
    return verdict


def _to_verdict(meter: str, at: str, found: Diagnosis) -> WiringVerdict:
    return WiringVerdict(
        meter,
        at,
        found.verdict,
        found.mistake,
        tuple(found.phases),
        found.ratio,
        found.sentence,
        found.remedy,
        {name: float(number) for name, number in found.numbers.items()},
    )


def _print_verdict(session: Session, meter: MeterFound, verdict: WiringVerdict) -> None:
    mark = {"good": "✓", "mistake": "✗", "undecided": "?"}[verdict.verdict]
    session.talk.show(f"{mark} {meter.id}  {translate(verdict.sentence)}", style=_STYLE[verdict.verdict])
    if verdict.verdict != "good":
        session.talk.show(f"     → {translate(verdict.remedy)}")


def _find_expected(
    session: Session, meter: MeterFound, samples: Samples, clamp_a: dict[str, float]
) -> Expected:
    """The expected load; several meters of a line are assumed to share it evenly."""
    line = next((one for one in session.journal.lines if one.id == meter.line), None)
    rated_w = line.rated_w if line is not None and line.rated_w else None
    own = [one.id for one in session.journal.meters if one.line == meter.line]
    others_w = [_find_power(samples.get(one, ())) for one in own if one != meter.id]
    return Expected(
        clamp_a=clamp_a,
        rated_w=rated_w / len(own) if rated_w else None,
        most_w=rated_w * NAMEPLATE_MOST - sum(others_w) if rated_w else None,
        ct_ratio=meter.ct_ratio if _is_secondary(session, meter) else None,
    )


def _find_power(samples: Sequence[Sample]) -> float:
    """The median power of these reads, W; 0 if none has any, or power seems to flow back."""
    known = [watts for one in samples if (watts := one.number(POWER_POINT)) is not None]
    return max(statistics.median(known), 0.0) if known else 0.0


def _is_secondary(session: Session, meter: MeterFound) -> bool:
    """Whether the ratio of the transformers is applied here and not in the meter."""
    return any(point.ratio is not Ratio.NONE for point in model_of(session, meter).points)


# -- interactive


def _ask_clamp(
    session: Session,
    meters: Sequence[MeterFound],
    samples: dict[str, list[Sample]],
    clamp_a: dict[str, dict[str, float]],
) -> None:
    """Ask what a clamp meter shows, meter by meter; the meter is read again at that moment."""

    def ask_one(meter: MeterFound) -> None:
        clamp_a[meter.id] = session.talk.ask(
            f"{meter.id}.clamp_a",
            "ask_clamp",
            _check_clamp,
            default="-",
            meter=meter.id,
            shown=_format_phases(_find_last(samples[meter.id]), "current", 1.0),
        )
        if clamp_a[meter.id]:
            samples.update(_measure(session, [meter]))
            _judge(session, meter, samples, clamp_a[meter.id])

    if session.talk.ask_yes("wiring.clamp", "ask_has_clamp", default=False):
        walk(session.talk, *(partial(ask_one, meter) for meter in meters))


def _find_last(samples: Sequence[Sample]) -> Sample:
    """The last read that was answered, else the last."""
    return next((one for one in reversed(samples) if not one.reason), samples[-1])


def _check_clamp(typed: str) -> dict[str, float]:
    if typed in {"-", ""}:
        return {}
    words = split_list(typed.replace("/", " "))
    try:
        amps = [read_number(word, CURRENT_UNITS) for word in words]
    except ValueError:
        amps = []
    if not 1 <= len(amps) <= 3 or not all(0 <= one <= CLAMP_A_MAX for one in amps):
        raise WrongAnswerError("no_clamp", typed=typed)
    return dict(zip(PHASES, amps, strict=False))


def _correct(
    session: Session, meter_id: str, samples: dict[str, list[Sample]], clamp_a: dict[str, dict[str, float]]
) -> None:
    """Let a meter with a problem be corrected and measured again, or left as it is."""
    while True:
        meter = session.find_meter(meter_id)
        verdict = find_last_wiring(session.journal, meter_id)
        if verdict is None or verdict.verdict == "good":
            return
        _print_verdict(session, meter, verdict)
        options = [(name, text(words)) for name, words in _list_ways(session, meter, verdict)]
        wanted = session.talk.ask_choice(
            f"{meter_id}.wiring", "ask_corrected", options, default="again", meter=meter_id
        )
        if wanted == "leave":
            return
        try:
            if wanted == "ratio":
                meter = _ask_ratio(session, meter, verdict)
            elif wanted == "rated":
                ask_rated_again(session, meter.line or "")
        except BackError:  # to the choice, which is the question before
            continue
        samples.update(_measure(session, [meter]))
        _judge(session, meter, samples, clamp_a.get(meter_id, {}))


def _list_ways(session: Session, meter: MeterFound, verdict: WiringVerdict) -> list[tuple[str, str]]:
    """What can be done about a verdict, each with the key of its text."""
    ways = [("again", "measure_again")]
    if verdict.mistake == Mistake.WRONG_RATIO and _is_secondary(session, meter):
        ways.append(("ratio", "set_ratio"))
    if MOST_W in verdict.numbers:
        ways.append(("rated", "set_rated"))
    return [*ways, ("leave", "leave_it")]


def _ask_ratio(session: Session, meter: MeterFound, verdict: WiringVerdict) -> MeterFound:
    """Change the transformer ratio and write it into the site file."""
    offered = find_right_ratio(verdict.ratio, meter.ct_ratio) if verdict.ratio else meter.ct_ratio
    ratio = session.talk.ask_number(
        "meter.ct_ratio",
        "ask_ct_ratio",
        1e-5,
        1e5,
        default=float(f"{offered:.4g}"),
        read=read_ratio,
        meter=meter.id,
        model=meter.model,
    )
    new = evolve(meter, ct_ratio=ratio)
    session.keep_meter(new)
    session.write_site()
    return new
