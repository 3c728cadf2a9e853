"""`dianjian report` at the plant and `dianjian centre report`: the monthly self-check report of a site.

At the plant from the chain of the state folder, or with `--state` from the plant's own archive; at the centre
from what it holds, with the site file that the chain itself has, or another one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from agent.site.file import ConfigError, Site, load_site
from centre.store.place import Place
from disk.database import StoreError
from evidence.cbor import FormatError
from evidence.marks.catalogue import INDUSTRIES, load_catalogue
from evidence.moments import zone_s
from evidence.walk import Walk
from provisioning.marks.centre_chain import find_archived, find_site, walk_centre
from provisioning.marks.month import MS_PER_S, Month, parse_month
from provisioning.marks.report_page import draw_report, summarise
from provisioning.marks.report_words import REPORT
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say, say_json
from provisioning.terminal.store_option import store_option
from provisioning.words.language import translate

FILE: Final = click.Path(dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
Verb = TypeVar("Verb", bound=Callable[..., Any])


def _options(verb: Verb) -> Verb:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object."),
        click.option("--html", type=NEW_FILE, help="Write it as a page for paper into this file."),
        FORCE,
        click.option(
            "--industry",
            type=click.Choice(INDUSTRIES),
            default="general",
            show_default=True,
            help="The catalogue of marks.",
        ),
        click.option("--month", required=True, metavar="MONTH", help="Of the plant's clock: 2026-11."),
    ):
        verb = option(verb)
    return verb


@click.command("report", short_help="the monthly self-check report, from the chain or the plant's archive")
@click.option("--site", "config", required=True, type=FILE, help="The site file of the gateway.")
@click.option("--state", type=FOLDER, help="Another state folder than the site file's, such as the archive.")
@_options
def command(
    config: Path, state: Path | None, month: str, industry: str, html: Path | None, as_json: bool
) -> None:
    """Completeness, findings, marks with what power says, orders and verdicts of a month."""
    from provisioning.evidence.state import StateError, walk_state  # noqa: PLC0415 - as in _report

    with _failing(StateError):
        site = load_site(config)
        asked = _parse_month(month, site)
        with walk_state(state or site.path(site.store.path), config) as walk:
            _report(site, walk, asked, industry, html, as_json=as_json)


@click.command("report")
@store_option("The subscriber's database.", required=True)
@click.option("--site", "config", type=FILE, help="The site file, if not the one in the chain.")
@_options
@click.argument("gateway")
def centre_report(
    store: Place,
    config: Path | None,
    month: str,
    industry: str,
    html: Path | None,
    as_json: bool,
    gateway: str,
) -> None:
    """The monthly self-check report of GATEWAY, from what the centre holds."""
    with _failing(), walk_centre(store, gateway) as walk:
        site = find_site(walk) if config is None else load_site(config)
        if site is None:
            raise fail(EXIT_USAGE, translate(REPORT["no site"], gateway=gateway))
        asked = _parse_month(month, site)
        if config is None:  # that of the month, whatever came later
            site = find_site(walk, asked.made_ms) or site
        away = find_archived(walk, asked.begin_s * MS_PER_S, asked.made_ms)
        if away is not None:  # the plant would be shown with a month without readings
            first, last = away
            raise fail(EXIT_NO, translate(REPORT["archived"], gateway=gateway, first=first, last=last))
        _report(site, walk, asked, industry, html, as_json=as_json)


@contextmanager
def _failing(*others: type[Exception]) -> Iterator[None]:
    wrong: tuple[type[Exception], ...] = (ConfigError, StoreError, FormatError, *others)
    try:
        yield
    except wrong as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error


def _parse_month(text: str, site: Site) -> Month:
    try:
        return parse_month(text, zone_s(site.site.utc_offset))
    except (ValueError, OverflowError):
        raise fail(EXIT_USAGE, translate(REPORT["wrong month"])) from None


def _report(site: Site, walk: Walk, month: Month, industry: str, html: Path | None, *, as_json: bool) -> None:
    from provisioning.marks.report import make_report  # noqa: PLC0415 - numpy, which other verbs need not wait for

    catalogue = load_catalogue(industry)
    report = make_report(site, catalogue, walk, month)
    if html is not None:
        write_or_fail(html, draw_report(report, catalogue).encode())
    if not report["meters"]:
        say(translate(REPORT["empty"]), err=True)
    if as_json:
        say_json(report)
        return
    say(translate(summarise(report)))
    for one in report["meters"]:
        say(f"{one['meter']}: {one['come']}/{one['due']}")
    say(f"sha256 {report['sha256']}")
    if html is not None:
        say(translate(REPORT["written"], file=html, month=report["month"], sha256=report["sha256"]))
