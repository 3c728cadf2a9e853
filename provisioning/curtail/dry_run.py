"""`dianjian curtail dry-run`: who would pass if the alert were tonight. Sends nothing, decides nothing.

For every line of the gateway's rows at a level: the measure, the baseline, the latest production day, the
present power, and whether it would pass, how many kW have to go, or that it cannot be judged.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from agent.site.books import learned_off_of
from agent.site.file import ConfigError, Site, load_site
from evidence.curtailment.ledger import DAY_S, Ledger
from evidence.curtailment.measures import Row
from evidence.curtailment.outlook import Outcome, foresee
from evidence.curtailment.words import MEASURES
from evidence.moments import local_text, zone_s
from provisioning.curtail.catalogue import load_catalogue, squeeze
from provisioning.curtail.history import History, read_chain_history, read_loads_history
from provisioning.curtail.list_check import FILE, read_list_file
from provisioning.curtail.page import Foreseen, draw_dry_run, name_outcome
from provisioning.curtail.words import LABELS, PROBLEMS
from provisioning.evidence.state import StateError, walk_state
from provisioning.learning.loads_option import loads_options, read_file, take_options
from provisioning.loads.loads import LoadsError
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.moment import Moment
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import console, count_up, table
from provisioning.words.alerts import name_level
from provisioning.words.language import language, translate

KW: Final = 1000
DAYS_MAX: Final = 30


def _foresee_all(
    site: Site, rows: tuple[Row, ...], history: History, now_s: float, days: int
) -> list[Foreseen]:
    """Every line of the rows, as the site file has it."""
    rated, off_w = {str(line.id): float(line.rated_w) for line in site.line}, learned_off_of(site)
    found = []
    for row in rows:
        for line in row.lines:
            if line in rated:
                ledger = history.ledgers.get(line) or Ledger(zone_s(site.site.utc_offset))
                outlook = foresee(ledger, row, rated[line], now_s, days, off_w.get(line))
                found.append(Foreseen(line, row, ledger, outlook))
    return found


@click.command("dry-run", short_help="who would pass if the alert were tonight")
@click.option("--site", "config", required=True, type=FILE, help="The site file of the gateway.")
@click.option("--list", "list_file", required=True, type=FILE, help="The reduction list, CSV or .xlsx.")
@click.option("--level", required=True, help="The level of the alert, in Chinese or English: orange, red …")
@click.option("--csv", "csv_file", type=FILE, help="Recorded loads instead of the gateway's own chain.")
@click.option("--at", "at_ms", type=Moment(), help="The time of the dry run; else the end of the data.")
@click.option(
    "--days", type=click.IntRange(1, DAYS_MAX), default=3, show_default=True, help="Length of the alert."
)
@click.option("--list-sheet", default="", help="The sheet of a list that is a workbook with several.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@FORCE
@click.option("--plot", type=NEW_FILE, help="Draw baseline, limit and what was used into this HTML file.")
@loads_options
def dry_run(
    config: Path,
    list_file: Path,
    level: str,
    csv_file: Path | None,
    at_ms: int | None,
    days: int,
    list_sheet: str,
    as_json: bool,
    plot: Path | None,
    **given: Any,
) -> None:
    """Who would pass tonight? Exit code 1 if a line would not."""
    level = load_catalogue().levels.get(squeeze(level), level)
    found, at_s, site = _prepare(config, list_file, level, csv_file, at_ms, days, list_sheet, given)
    if as_json:
        for one in found:
            say_json(
                {
                    "line": one.line,
                    "level": level,
                    **_describe(one),
                    **one.outlook.to_body(),
                    "at_s": round(at_s),
                }
            )
    else:
        _show(found)
    if plot:
        offset_s = zone_s(site.site.utc_offset)
        drawn = draw_dry_run(
            site.site.name or site.site.gateway, found, at_s, offset_s, level, days, language()
        )
        write_or_fail(plot, drawn.encode())
    if any(one.outlook.outcome is not Outcome.PASS for one in found):
        raise click.exceptions.Exit(EXIT_NO)


def _prepare(
    config: Path,
    list_file: Path,
    level: str,
    csv_file: Path | None,
    at_ms: int | None,
    days: int,
    list_sheet: str,
    given: dict[str, Any],
) -> tuple[list[Foreseen], float, Site]:
    """The dry run with its time and site. Ends the command if a file of the call is wrong."""
    try:
        site = load_site(config)
        rows = _find_rows(site, list_file, level, list_sheet)
        history = _read_history(site, csv_file, given)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except LoadsError as error:
        raise fail(EXIT_USAGE, *map(translate, error.words)) from error
    except StateError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{csv_file or config}: {error.strerror}") from error
    at_s = history.until_s if at_ms is None else at_ms / 1000
    try:
        return _foresee_all(site, rows, history, at_s, days), at_s, site
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error


def _find_rows(site: Site, list_file: Path, level: str, sheet: str) -> tuple[Row, ...]:
    listed = read_list_file(list_file, sheet, "", site.site.gateway)
    if listed.problems:
        raise fail(EXIT_USAGE, *map(translate, listed.problems))
    own = listed.lists.get(site.site.gateway)
    if own is None:
        known = ", ".join(sorted(listed.lists))
        raise fail(EXIT_USAGE, translate(PROBLEMS["no gateway"], gateway=site.site.gateway, known=known))
    rows = own.at(level)
    if not rows:
        known = ", ".join(translate(name_level(one)) for one in own.levels)
        raise fail(EXIT_USAGE, translate(PROBLEMS["no level"], level=level, known=known))
    return rows


def _read_history(site: Site, csv_file: Path | None, given: dict[str, Any]) -> History:
    if csv_file is not None:
        return read_loads_history(site, read_file(csv_file, site, take_options(given, needs_all=False)))
    with walk_state(site.path(site.store.path), site.file) as walk, count_up("chain") as tell:
        return read_chain_history(site, walk, tell)


def _describe(one: Foreseen) -> dict[str, Any]:
    return {"measure": one.row.measure.value, "value": one.row.value}


def _show(found: list[Foreseen]) -> None:
    headings = ("line", "outcome", "measure", "baseline", "latest", "present")
    rows = [list(_to_cells(one)) for one in found]
    console().print(table([translate(LABELS[one]) for one in headings], rows, gives_way=2))
    if found:
        days = max(len(one.ledger.days) for one in found)
        say(translate(LABELS["partial"], days=days), err=True)


def _to_cells(one: Foreseen) -> Iterator[str]:
    outlook = one.outlook
    value = f" {one.row.value / 10:g} %" if one.row.measure.value == "limit_percent" else ""
    yield one.line
    yield translate(name_outcome(outlook))
    yield translate(MEASURES[one.row.measure]) + value
    yield "-" if outlook.baseline_wh is None else f"{outlook.baseline_wh / KW:.0f}"
    if outlook.latest is None:
        yield "-"
    else:
        day, wh = outlook.latest
        yield translate(LABELS["kwh on"], kwh=f"{wh / KW:.0f}", day=local_text(day * DAY_S, 0, "%m-%d"))
    yield "-" if outlook.present_w is None else f"{outlook.present_w / KW:.1f}"
