"""The on/off test of a machine as a drawing: the power of its meter, and the moments of switching.

Pure: a trial of the journal in, SVG out. A trial whose times or samples cannot be drawn gives none: the
journal is a file that somebody may have edited.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Final

from evidence.moments import local_text
from evidence.words import Words
from provisioning.journal.entries import Trial
from provisioning.pages.html import Html
from provisioning.pages.plot import draw_both_widths
from provisioning.pages.plot_data import Chart, Curve, Level, Mark, Panel
from provisioning.words.numbers import power

COLUMNS_MAX: Final = 300
"""Columns of a drawing; more samples are reduced to the least and greatest of each column."""
TRIAL_S_MAX: Final = 86_400
"""A machine is tried within minutes; a sample after more than a day is invalid."""
MARKS_MAX: Final = 8
"""Moments of switching that are labelled; each takes a row above the drawing."""
TICKS_S: Final = (5, 10, 15, 30, 60, 120)
EDGE_S: Final = 2.0

Sample = tuple[float, float | None]


def utc_s(text: str) -> float | None:
    """A time of the journal in seconds; None if it is malformed."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def local(text: str, offset_s: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time of the journal in the plant's zone; malformed text stays as it is."""
    at_s = utc_s(text)
    try:
        return text if at_s is None else local_text(at_s, offset_s, form)
    except (ArithmeticError, ValueError, OSError):
        return text


def draw_trial(trial: Trial, kind: str, title: Words, offset_s: int) -> Html:
    """The SVG, "" if there is nothing to draw."""
    begin_s = utc_s(trial.begin_at)
    samples = sorted((one for one in trial.samples if 0 <= one[0] <= TRIAL_S_MAX), key=itemgetter(0))
    if begin_s is None or not any(watts is not None for _, watts in samples):
        return Html("")
    try:
        return draw_both_widths(partial(_to_chart, trial, samples, kind, title, (begin_s, offset_s)))
    except (ArithmeticError, ValueError, OSError):  # a time beyond the calendar
        return Html("")


def _to_chart(
    trial: Trial, samples: list[Sample], kind: str, title: Words, when: tuple[float, int], width: int
) -> Chart:
    begin_s, offset_s = when
    times = [at_s for at_s, _ in samples] + [at_s for at_s, _ in trial.switched if 0 <= at_s <= TRIAL_S_MAX]
    first_s, last_s = min(times) - EDGE_S, max(times) + EDGE_S
    return Chart(
        name=title,
        begin_s=begin_s + first_s,
        end_s=begin_s + last_s,
        offset_s=offset_s,
        panels=[Panel(title, _to_curve(samples, kind, begin_s), list(_to_levels(trial)))],
        marks=list(_to_marks(trial, begin_s, offset_s)),
        ticks_s=TICKS_S,
        width=width,
    )


def _to_curve(samples: list[Sample], kind: str, begin_s: float) -> Curve:
    columns: list[tuple[float, float | None, float | None]] = []
    size = -(-len(samples) // COLUMNS_MAX)
    for at in range(0, len(samples), size):
        part = samples[at : at + size]
        known = [watts for _, watts in part if watts is not None]
        columns.append((begin_s + part[0][0], min(known, default=None), max(known, default=None)))
    times_s, low, high = zip(*columns, strict=True)
    return Curve(kind, times_s, low, high)


def _to_levels(trial: Trial) -> Iterator[Level]:
    for watts, css, words in (
        (trial.on_w, "limit", Words("开机", "on")),
        (trial.off_w, "normal", Words("停机", "off")),
    ):
        if watts is not None:
            yield Level(words, css, [(0.0, watts)], power(round(watts)))


def _to_marks(trial: Trial, begin_s: float, offset_s: int) -> Iterator[Mark]:
    for at_s, to in [one for one in trial.switched if 0 <= one[0] <= TRIAL_S_MAX][:MARKS_MAX]:
        at = local_text(begin_s + at_s, offset_s, "%H:%M:%S")
        words = Words(f"{at} 合闸", "switched on") if to == "on" else Words(f"{at} 断开", "switched off")
        yield Mark(begin_s + at_s, "treatment" if to == "on" else "violation", words)
