"""Step `thresholds`: the power from which each line counts as running, until commissioning has learned it.

The defaults are 10 % and 7 % of the rated power. If a machine was switched, the same shares of the step from
its standby to its running power are added to the standby power: a standby load of 8 % of the nameplate no
longer counts as running. Typed values are kept.
"""

import contextlib
from typing import Final

from attrs import evolve

from agent.detect.line_params import NAMEPLATE_HI, NAMEPLATE_LO, nameplate_threshold
from provisioning.journal.entries import LineNamed, LineThreshold, find_last_trial
from provisioning.setup.lines import read_kw
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError
from provisioning.setup.walk import BackError
from provisioning.setup.words import text
from provisioning.terminal.show import table

W_PER_KW: Final = 1000
STEP_MIN: Final = 0.05
"""Smallest usable step of a switched machine, as a part of the nameplate."""
_ORIGINS: Final = {"nameplate": "nameplate", "trial": "from_trial", "typed": "typed"}


def thresholds(session: Session) -> None:
    """Offer thresholds, let them be changed, write them into the site file."""
    lines = [line for line in session.journal.lines if line.kind != "incomer"]
    known = {one.line: one for one in session.journal.thresholds if one.source == "typed"}
    session.keep(thresholds=tuple(known.get(line.id) or offer_threshold(session, line) for line in lines))
    for index, one in enumerate(session.answers.line):
        line = next((each for each in lines if each.id == one.id), None)
        if line is not None and (one.on_kw is not None or one.off_kw is not None):
            _take_given(session, index, line, one.on_kw, one.off_kw)
    while not session.talk.assume_yes and lines:
        _show(session)
        line_id = session.talk.ask(
            "thresholds", "ask_thresholds", lambda typed: _check_line(session, typed), default="ok"
        )
        if line_id is None:
            break
        with contextlib.suppress(BackError):  # from the first of them: to the list of lines
            _ask_threshold(session, session.find_line(line_id))
    for threshold in session.journal.thresholds:
        session.talk.event(
            "threshold",
            line=threshold.line,
            lo_w=threshold.lo_w,
            hi_w=threshold.hi_w,
            source=threshold.source,
        )
    session.write_site()
    session.done("thresholds")


def offer_threshold(session: Session, line: LineNamed) -> LineThreshold:
    """The threshold by the last on/off test, else by the nameplate."""
    trial = find_last_trial(session.journal, line.id)
    if trial is not None and trial.follows and trial.off_w is not None and trial.on_w is not None:
        step_w = trial.on_w - trial.off_w
        if step_w >= STEP_MIN * line.rated_w:
            base_w = max(trial.off_w, 0.0)
            hi_w = max(2, round(base_w + NAMEPLATE_HI * step_w))
            lo_w = max(1, round(base_w + NAMEPLATE_LO * step_w))
            return LineThreshold(line.id, min(lo_w, hi_w), hi_w, "trial")
    plain = nameplate_threshold(line.rated_w)
    return LineThreshold(line.id, plain.lo_w, plain.hi_w, "nameplate")


def _take_given(
    session: Session, index: int, line: LineNamed, on_kw: float | None, off_kw: float | None
) -> None:
    now = next(one for one in session.journal.thresholds if one.line == line.id)
    hi_w = now.hi_w if on_kw is None else round(on_kw * W_PER_KW)
    share = NAMEPLATE_LO / NAMEPLATE_HI
    lo_w = round(off_kw * W_PER_KW) if off_kw is not None else round(hi_w * share)
    if not 0 < lo_w <= hi_w:
        session.talk.refuse(f"line[{index}].off_kw", "thresholds_cross", typed=f"{lo_w} W, {hi_w} W")
    _keep_threshold(session, evolve(now, lo_w=lo_w, hi_w=hi_w, source="typed"))


def _ask_threshold(session: Session, line: LineNamed) -> None:
    now = next(one for one in session.journal.thresholds if one.line == line.id)
    most_kw = 2 * line.rated_w / W_PER_KW
    on_kw = session.talk.ask_number(
        "line.on_kw", "ask_on_kw", 0.002, most_kw, default=now.hi_w / W_PER_KW, read=read_kw, line=line.id
    )
    share = NAMEPLATE_LO / NAMEPLATE_HI
    off_kw = session.talk.ask_number(
        "line.off_kw",
        "ask_off_kw",
        0.001,
        on_kw,
        default=float(f"{on_kw * share:.3g}"),
        read=read_kw,
        line=line.id,
    )
    _keep_threshold(
        session,
        LineThreshold(line.id, max(1, round(off_kw * W_PER_KW)), round(on_kw * W_PER_KW), "typed"),
    )


def _keep_threshold(session: Session, threshold: LineThreshold) -> None:
    session.keep(
        thresholds=tuple(
            threshold if one.line == threshold.line else one for one in session.journal.thresholds
        )
    )


def _show(session: Session) -> None:
    names = {line.id: line.name for line in session.journal.lines}
    rows = [
        (
            one.line,
            names.get(one.line, ""),
            f"{one.hi_w / W_PER_KW:.3g} kW",
            f"{one.lo_w / W_PER_KW:.3g} kW",
            text(_ORIGINS[one.source]),
        )
        for one in session.journal.thresholds
    ]
    headings = ("", text("name"), text("running_from"), text("stopped_below"), text("origin"))
    session.talk.show(table(headings, rows, gives_way=1))


def _check_line(session: Session, typed: str) -> str | None:
    if typed.casefold() in {"ok", "好"}:
        return None
    known = [one.line for one in session.journal.thresholds]
    if typed not in known:
        raise WrongAnswerError("no_such_line", typed=typed, known=", ".join(known))
    return typed
