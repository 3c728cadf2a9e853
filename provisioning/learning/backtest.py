"""`dianjian backtest`: a plant's recorded loads through the detector, as its gateway would have seen them.

The first hours commission the linkages, as `dianjian commission` would; the rest is tested with what
was learned. With `--commission-hours 0` the parameters of the site file are tested on all of it. With
`--chain` the loads are what the gateway itself has sealed. Times are written as in the file: epoch
seconds, or ISO 8601 in the plant's zone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from agent.detect.episode import Episode
from agent.detect.param_table import ParamsError
from agent.site.file import ConfigError, load_site
from evidence.moments import local_text
from evidence.words import Words
from provisioning.learning.backtest_page import draw_backtest_page
from provisioning.learning.backtest_run import HOUR_S, TooShortError, backtest, check_linkages
from provisioning.learning.loads_chain import HOURS_MAX, read_chain
from provisioning.learning.loads_option import loads_options, read_file, take_options
from provisioning.learning.outcome import Outcome, list_numbers
from provisioning.loads.loads import LoadsError
from provisioning.terminal.exits import EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say_json
from provisioning.terminal.show import console, count_up, table
from provisioning.words.labels import label
from provisioning.words.language import language, translate
from provisioning.words.numbers import duration, name_rule

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("backtest", short_help="recorded loads through the detector, as if it were live")
@click.option("--site", "config", required=True, type=_FILE, help="Lines and linkages; no more is needed.")
@click.option("--csv", "csv_file", type=_FILE, help="A CSV file or .xlsx: times, a column a line.")
@click.option(
    "--chain", is_flag=True, help="Use what this gateway sealed in the last two weeks instead of a file."
)
@click.option(
    "--commission-hours",
    type=click.FloatRange(min=0),
    default=72.0,
    show_default=True,
    help="Learn from the first hours, test the rest; 0 tests the site file's own parameters.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per episode, then one summary.")
@FORCE
@click.option("--plot", type=NEW_FILE, help="Draw the days into this HTML file.")
@loads_options
def command(
    config: Path,
    csv_file: Path | None,
    chain: bool,
    commission_hours: float,
    as_json: bool,
    plot: Path | None,
    **given: Any,
) -> None:
    """Which episodes would the detector have raised?"""
    if chain == (csv_file is not None):
        raise fail(EXIT_USAGE, "say what to test: either --csv FILE or --chain")
    options = take_options(given, needs_all=False)
    try:
        site = load_site(config)
        check_linkages(site)
        recorded = read_file(csv_file, site, options) if csv_file else read_chain(site, HOURS_MAX)
        with count_up("backtest") as each_hour:
            tested = backtest(site, recorded, commission_hours * HOUR_S, each_hour)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except LoadsError as error:
        raise fail(EXIT_USAGE, _to_one_line(tuple(map(translate, error.words)))) from error
    except ParamsError as error:
        raise fail(EXIT_USAGE, f"{config}: {_to_one_line(error.problems)}") from error
    except (OSError, ValueError, TooShortError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise fail(EXIT_USAGE, f"{csv_file or config}: {why}") from error
    if as_json:
        for line in to_json_lines(tested):
            say_json(line)
    else:
        _show(tested)
    if plot:
        write_or_fail(plot, draw_backtest_page(tested, language()).encode())


def _to_one_line(problems: tuple[str, ...]) -> str:
    more = f" (and {len(problems) - 1} more mistakes)" if len(problems) > 1 else ""
    return problems[0] + more


def to_json_lines(tested: Outcome) -> Iterator[dict[str, Any]]:
    """What `--json` prints."""
    format_time = tested.format_time
    for episode in tested.episodes:
        yield {
            "linkage": episode.linkage,
            "rule": episode.rule.value,
            "severity": episode.severity.value,
            "begin_at": format_time(episode.begin_at_s),
            "raised_at": format_time(episode.raised_at_s),
            "end_at": None if episode.end_at_s is None else format_time(episode.end_at_s),
            "sentence": episode.sentence,
            "numbers": list_numbers(episode),
        }
    yield {"summary": _summarise(tested)}


def _summarise(tested: Outcome) -> dict[str, Any]:
    loads, format_time = tested.loads, tested.format_time
    begin_s, end_s = float(loads.times_s[0]), float(loads.times_s[-1])
    return {
        "episodes": len(tested.episodes),
        "rules": dict(sorted(Counter(one.rule.value for one in tested.episodes).items())),
        "severities": dict(sorted(Counter(one.severity.value for one in tested.episodes).items())),
        "rows": len(loads.times_s),
        "notes": [{"kind": note.kind.value, **note.words.to_body()} for note in loads.notes],
        "begin_at": format_time(begin_s),
        "tested_from": format_time(tested.from_s),
        "end_at": format_time(end_s),
        "tested_hours": round((end_s - tested.from_s) / HOUR_S, 2),
        "completeness": {
            line: round(float(np.isfinite(watts).mean()), 4) for line, watts in sorted(loads.watts.items())
        },
        "linkages": [
            {
                "linkage": params.linkage,
                "dt_s": params.dt_s,
                "provisional": params.provisional,
                "params_hash": params.hash.hex(),
                "findings": _to_bodies(tested.learned[index].findings) if tested.learned else [],
            }
            for index, params in enumerate(tested.params)
        ],
        "feed": None
        if tested.incomer is None
        else {
            "feed": tested.incomer.incomer.id,
            "judged": tested.incomer.residual_s > 0,
            "params_hash": tested.incomer.hash.hex(),
            "findings": _to_bodies(tested.incomer_findings),
        },
    }


def _to_bodies(findings: Iterable[Words]) -> list[dict[str, str]]:
    return [one.to_body() for one in findings]


def _show(tested: Outcome) -> None:
    screen = console()
    for where, finding in tested.findings():
        screen.print(f"{where}: {translate(finding)}", style="dim", markup=False, soft_wrap=True)
    if not tested.episodes:
        screen.print(f"{label('episodes')}: {label('none')}")
        return
    headings = ("begin", "raised at", "duration", "linkage", "rule", "severity")
    rows = [_to_row(one, tested.offset_s) for one in tested.episodes]
    screen.print(table([label(heading) for heading in headings], rows))
    for one in tested.episodes:
        screen.print(f"\n{one.id}", style="bold", markup=False, soft_wrap=True)
        screen.print(one.sentence[language()], markup=False, soft_wrap=True)


def _to_row(episode: Episode, offset_s: int) -> list[str]:
    begin_s, end_s = episode.begin_at_s, episode.end_at_s
    return [
        local_text(begin_s, offset_s, "%Y-%m-%d %H:%M"),
        local_text(episode.raised_at_s, offset_s, "%H:%M:%S"),
        label("lasting") if end_s is None else translate(duration(end_s - begin_s)),
        episode.linkage,
        translate(name_rule(episode.to_body())),
        label(episode.severity.value),
    ]
