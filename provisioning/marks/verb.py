"""`dianjian marks`: the marks of a gateway's chain with their truth, and the effective transmission rate."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from agent.site.file import ConfigError, Site, load_site
from agent.site.setups import lines_of
from disk.help_page import HelpGroup
from disk.tables import TableError
from evidence.curtailment.energy import HOUR_S
from evidence.marks.catalogue import INDUSTRIES, Catalogue, load_catalogue
from evidence.marks.mark import Source, SubjectKind
from evidence.marks.rate import Rates, find_left_out, sum_rates
from evidence.marks.truth import Truth
from evidence.moments import local_text, zone_s
from provisioning.curtail.history import read_chain_history
from provisioning.evidence.state import StateError, walk_state
from provisioning.marks.emissions import emissions
from provisioning.marks.gather import Gathered, gather
from provisioning.marks.judged import Judged, judge_marks
from provisioning.marks.words import LABELS
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import console, table
from provisioning.words.language import translate

FILE: Final = click.Path(dir_okay=False, path_type=Path)
FORMS: Final = {"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "month": "%Y-%m"}
Verb = TypeVar("Verb", bound=Callable[..., Any])


@click.group("marks", cls=HelpGroup, short_help="marks against power, and the effective transmission rate")
def command() -> None:
    """Marks of a gateway's chain: whether power bears them out, and what they do to the rate."""


command.add_command(emissions)


def _options(verb: Verb) -> Verb:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object per row."),
        click.option(
            "--automatic",
            is_flag=True,
            help="With what the chain itself shows: contact lost, restarts, lines that stood or started.",
        ),
        click.option(
            "--industry",
            type=click.Choice(INDUSTRIES),
            default="general",
            show_default=True,
            help="The catalogue of marks.",
        ),
        click.option("--site", "config", required=True, type=FILE, help="The site file of the gateway."),
    ):
        verb = option(verb)
    return verb


def _judge(config: Path, industry: str, *, automatic: bool) -> tuple[Site, Catalogue, Gathered, list[Judged]]:
    """The chain of a site, gone along. Ends the command if there is none."""
    try:
        site, catalogue = load_site(config), load_catalogue(industry)
        with walk_state(site.path(site.store.path), config) as walk:
            found = gather(site, walk)
            ledgers = dict(read_chain_history(site, walk).ledgers) if found.marks or automatic else {}
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except (StateError, TableError) as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    judged = judge_marks(site, catalogue, found, ledgers, found.until_s, automatic=automatic)
    return site, catalogue, found, list(judged)


@command.command("check", short_help="each mark, and whether power bears it out")
@_options
def check(config: Path, industry: str, automatic: bool, as_json: bool) -> None:
    """Each mark of the chain with its truth. Exit code 1 if power contradicts one."""
    site, catalogue, found, judged = _judge(config, industry, automatic=automatic)
    say(*found.refused, err=True)
    if as_json:
        for one in judged:
            say_json(one.to_body())
    elif not judged:
        say(translate(LABELS["none"]))
    else:
        headings = ("mark", "subject", "from", "to", "by", "truth")
        offset_s = zone_s(site.site.utc_offset)
        rows = [list(_to_cells(one, catalogue, offset_s)) for one in judged]
        console().print(table([translate(LABELS[one]) for one in headings], rows))
    if any(one.checked.truth is Truth.CONTRADICTED for one in judged):
        raise click.exceptions.Exit(EXIT_NO)


def _to_cells(one: Judged, catalogue: Catalogue, offset_s: int) -> Iterator[str]:
    mark, form = one.mark, "%Y-%m-%d %H:%M"
    code = catalogue.codes.get(mark.code)
    yield mark.code if code is None else translate(code.words)
    yield f"{mark.subject_kind.value} {mark.subject}"
    yield local_text(mark.from_s, offset_s, form)
    yield translate(LABELS["lasting"]) if mark.to_s is None else local_text(mark.to_s, offset_s, form)
    yield translate(LABELS["auto"]) if mark.source is Source.AUTO else mark.by
    yield translate(LABELS[one.checked.truth.value]) + (translate(LABELS["late"]) if one.is_late else "")


@command.command("rate", short_help="the effective transmission rate, with and without marked hours")
@_options
@click.option(
    "--by", type=click.Choice(tuple(FORMS)), default="day", show_default=True, help="Sum up by this."
)
def rate(config: Path, industry: str, automatic: bool, as_json: bool, by: str) -> None:
    """Validity times transmission of each meter, with and without the hours that marks leave out.

    What power contradicts leaves nothing out. "In time" is what was sealed within ten minutes.
    """
    site, catalogue, found, judged = _judge(config, industry, automatic=automatic)
    if not found.hours:
        raise fail(EXIT_NO, translate(LABELS["no readings"]))
    rows = list(_find_rates(site, catalogue, found, judged, FORMS[by]))
    if as_json:
        for when, meter, line, rates in rows:
            say_json({"when": when, "meter": meter, "line": line, **rates.to_body()})
        return
    headings = ("when", "meter", "line", "due", "good", "in time", "with", "without", "left out")
    cells = [list(_to_rate_cells(*row)) for row in rows]
    console().print(table([translate(LABELS[one]) for one in headings], cells))


def _find_rates(
    site: Site, catalogue: Catalogue, found: Gathered, judged: Sequence[Judged], form: str
) -> Iterator[tuple[str, str, str, Rates]]:
    lines, offset_s = lines_of(site), zone_s(site.site.utc_offset)
    marks = [one.mark for one in judged]
    false = {one.mark.id for one in judged if one.checked.truth is Truth.CONTRADICTED}
    for meter, hours in sorted(found.hours.items()):
        line = lines.get(meter, "")
        subjects = {(SubjectKind.METER, meter), (SubjectKind.LINE, line)}
        left_out = find_left_out(marks, catalogue, subjects, found.until_s, false)
        spans: dict[str, list[int]] = {}
        for hour in sorted(hours):
            spans.setdefault(local_text(hour * HOUR_S, offset_s, form), []).append(hour)
        for when, wanted in spans.items():
            yield when, meter, line, sum_rates(hours, left_out, wanted)


def _to_rate_cells(when: str, meter: str, line: str, rates: Rates) -> Iterator[str]:
    yield from (when, meter, line, str(round(rates.all.due)), str(rates.all.good))
    for value in (rates.all.rate(in_time=True), rates.all.rate(), rates.part.rate()):
        yield "-" if value is None else f"{value:.2%}"
    yield str(rates.left_out)
