"""The ratios of the transformers that a meter does not know itself, as they stand on their plates.

A meter whose values are of the secondary side is asked for its current transformers. Voltage transformers are
rare, and one question asks for all of them. On a plate the primary stands first; a ratio below 1 was read the
wrong way round.
"""

from functools import partial

from attrs import evolve

from agent.site.field_types import RATIO_MAX
from drivers.points.point import Ratio
from provisioning.journal.entries import MeterFound
from provisioning.setup.confirm import model_of, place_of
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError
from provisioning.setup.walk import walk
from provisioning.terminal.typed import read_ratio

_CT = frozenset({Ratio.CT, Ratio.CT_PT})
_PT = frozenset({Ratio.PT, Ratio.CT_PT})


def ask_ratios(session: Session) -> None:
    """Ask for the ratios of all meters that need them."""
    is_high = False

    def ask_high() -> None:
        nonlocal is_high
        known = [one for one in session.journal.meters if _PT & _ratios_of(session, one)]
        unsaid = [one for one in known if session.answers.meter_at(one.id, place_of(one))[1].pt_ratio is None]
        if unsaid and not session.talk.assume_yes:
            default = any(one.pt_ratio != 1.0 for one in unsaid)
            is_high = session.talk.ask_yes("meter.pt_ratio", "ask_has_pt", default=default)

    def ask_pt(meter_id: str) -> None:
        meter = session.find_meter(meter_id)
        path, given = session.answers.meter_at(meter.id, place_of(meter))
        if (
            given.pt_ratio is not None
            or meter.pt_ratio != 1.0
            or (is_high and _PT & _ratios_of(session, meter))
        ):
            _ask_ratio(session, meter_id, path, "pt_ratio", given.pt_ratio)

    questions = []
    for meter in session.journal.meters:
        path, given = session.answers.meter_at(meter.id, place_of(meter))
        if _CT & _ratios_of(session, meter):
            questions.append(partial(_ask_ratio, session, meter.id, path, "ct_ratio", given.ct_ratio))
        if given.rated_a is not None:
            session.keep_meter(evolve(meter, rated_a=given.rated_a))
    walk(session.talk, *questions, ask_high, *(partial(ask_pt, one.id) for one in session.journal.meters))


def _ratios_of(session: Session, meter: MeterFound) -> set[Ratio]:
    return {point.ratio for point in model_of(session, meter).points}


def _ask_ratio(session: Session, meter_id: str, path: str, key: str, given: float | str | None) -> None:
    meter = session.find_meter(meter_id)
    ratio = session.talk.ask(
        f"{path}.{key}",
        f"ask_{key}",
        check_ratio,
        default=f"{getattr(meter, key):g}",
        given=None if given is None else str(given),
        meter=meter.id,
        model=meter.model,
    )
    changed = evolve(meter, ct_ratio=ratio) if key == "ct_ratio" else evolve(meter, pt_ratio=ratio)
    session.keep_meter(changed)


def check_ratio(typed: str) -> float:
    """A ratio as it stands on a plate."""
    try:
        ratio = read_ratio(typed)
    except ValueError:
        raise WrongAnswerError("no_ratio", typed=typed) from None
    if 0 < ratio < 1:
        raise WrongAnswerError("ratio_reversed", typed=typed)
    if not 1 <= ratio <= RATIO_MAX:
        raise WrongAnswerError("not_in_range", low="1", high=f"{RATIO_MAX:g}", typed=typed)
    return ratio
