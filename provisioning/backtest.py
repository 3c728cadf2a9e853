"""`dianjian backtest`: a plant's recorded loads through the detector, as its gateway would have seen them.

The first hours commission the linkages, as `dianjian commission` would; the rest is tested with what
was learned. With `--commission-hours 0` the parameters of the site file are tested on all of it.
Times are told as the file tells them: epoch seconds, or ISO 8601 in the plant's zone.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from agent.build import feed_of, linkages_of
from agent.config import ConfigError, Site, load_site
from agent.detect.backtest import Recording, latest, run
from agent.detect.commission import Commissioned, commission
from agent.detect.detector import Detector
from agent.detect.episode import Episode
from agent.detect.params import DT_MAX_S, ParamsError
from provisioning.backtest_page import backtest_page
from provisioning.exits import EXIT_USAGE, fail
from provisioning.loads_csv import Loads, LoadsError, read_loads
from provisioning.number_words import chosen, duration, rule_name
from provisioning.outcome import Outcome, States, numbers_of
from provisioning.plot_data import local_text
from provisioning.show import console, progress, table
from provisioning.words import language, word

HOUR_S: Final = 3600
DT_S: Final = 10
"""The detector's own slot; slower recordings get longer ones."""
CHANNELS: Final = {"pf": "pf", "i": "current_a", "u": "voltage_v"}

_FILE = click.Path(dir_okay=False, path_type=Path)


class TooShortError(Exception):
    """The recording cannot be commissioned and tested."""


@click.command("backtest", short_help="recorded loads through the detector, as if it were live")
@click.option("--site", "config", required=True, type=_FILE, help="Lines and linkages; no more is needed.")
@click.option(
    "--csv", "csv_file", required=True, type=_FILE, help="Column time, one a line in W; ID.pf, ID.i, ID.u."
)
@click.option(
    "--commission-hours",
    type=click.FloatRange(min=0),
    default=72.0,
    show_default=True,
    help="Learn from the first hours, test the rest; 0 tests the site file's own parameters.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object an episode, then one summary.")
@click.option("--plot", type=_FILE, help="Draw the days into this HTML file.")
def command(config: Path, csv_file: Path, commission_hours: float, as_json: bool, plot: Path | None) -> None:
    """Which episodes would the detector have raised?"""
    if plot and not plot.parent.is_dir():
        raise fail(EXIT_USAGE, f"{plot.parent}: no such folder to draw into")
    try:
        site = load_site(config)
        tested = backtest(site, csv_file, commission_hours * HOUR_S)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except LoadsError as error:
        raise fail(EXIT_USAGE, _one_line(error.problems)) from error
    except ParamsError as error:
        raise fail(EXIT_USAGE, f"{config}: {_one_line(error.problems)}") from error
    except (OSError, ValueError, TooShortError) as error:
        raise fail(EXIT_USAGE, f"{csv_file}: {error}") from error
    if as_json:
        for line in json_lines(tested):
            click.echo(json.dumps(line, ensure_ascii=False))
    else:
        _show(tested)
    if plot:
        plot.write_text(backtest_page(tested, language()), "utf-8")


def _one_line(problems: tuple[str, ...]) -> str:
    more = f" (and {len(problems) - 1} more mistakes)" if len(problems) > 1 else ""
    return problems[0] + more


def backtest(site: Site, csv_file: Path, commission_s: float) -> Outcome:
    """Read, learn, test.

    Raises:
        ConfigError, LoadsError, ParamsError, ValueError, TooShortError, OSError: It cannot be done.
    """
    if not site.linkage:
        raise ConfigError(site.file, ["linkage: missing; add at least one [[linkage]]"])
    judged = {str(line) for link in site.linkage for line in (*link.production, *link.treatment)}
    loads = read_loads(csv_file, judged, {line.id for line in site.line} - judged)
    begin_s, end_s = float(loads.times_s[0]), float(loads.times_s[-1])
    from_s, dt_s = begin_s + commission_s, slot_s(loads.times_s)
    if from_s >= end_s:
        raise TooShortError(
            f"row {len(loads.times_s) + 1}: ends {(end_s - begin_s) / HOUR_S:.1f} h after the first, "
            f"too short for {commission_s / HOUR_S:g} h of commissioning and something to test"
        )
    recording = _recording(loads)
    learned = _learned(site, recording.between(begin_s, from_s), dt_s) if commission_s else ()
    params = tuple(one.params for one in learned) or linkages_of(site)
    feed = feed_of(site, params)
    if feed and not {feed.feed.id, *feed.lines} <= set(loads.watts):
        feed = None  # the rest of what was not recorded says nothing
    behind = {feed.feed.id, *feed.lines} if feed else set()
    testing, states = recording.between(from_s, end_s + 1).of(judged | behind), States()
    with _bar(end_s - from_s) as step:

        def each_row(at_s: float, detector: Detector) -> None:
            if states.row(at_s, detector):
                step(at_s - from_s)

        episodes = tuple(latest(run(params, feed, testing, each_row)))
    return Outcome(site, loads, params, learned, episodes, states.spans(), from_s)


def _recording(loads: Loads) -> Recording:
    return Recording(
        loads.times_s,
        loads.watts,
        {
            line: {CHANNELS[name]: column for name, column in channels.items()}
            for line, channels in loads.channels.items()
        },
    )


def _learned(site: Site, recording: Recording, dt_s: int) -> tuple[Commissioned, ...]:
    rated = {str(line.id): float(line.rated_w) for line in site.line}
    found = []
    for link in site.linkage:
        series = {
            line: (recording.times_s, recording.watts[line]) for line in (*link.production, *link.treatment)
        }
        if not any(np.isfinite(watts).any() for _, watts in series.values()):
            raise TooShortError(f"row 2: linkage {link.id}: no sample of its lines while commissioning")
        found.append(
            commission(
                link.id,
                {line: series[line] for line in link.production},
                {line: series[line] for line in link.treatment},
                rated,
                dt_s=dt_s,
                utc_offset=site.site.utc_offset,
            )
        )
    return tuple(found)


def slot_s(times_s: np.ndarray) -> int:
    """The detector's slot for a recording: the usual one, or as long as most samples are apart."""
    step = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    if step > DT_MAX_S:
        raise TooShortError(f"row 3: samples are {step:g} s apart; at least one in {DT_MAX_S} s is needed")
    return max(DT_S, int(np.ceil(step)))


@contextmanager
def _bar(length_s: float) -> Iterator[Callable[[float], None]]:
    """Progress in hours on stderr, where somebody looks at it."""
    if not console(stderr=True).is_terminal:
        yield lambda _: None
        return
    with progress() as bar:
        task = bar.add_task("backtest", total=round(length_s / HOUR_S))
        yield lambda done_s: bar.update(task, completed=round(done_s / HOUR_S))


def json_lines(tested: Outcome) -> Iterator[dict[str, Any]]:
    """What `--json` prints."""
    tell = tested.tell
    for episode in tested.episodes:
        yield {
            "linkage": episode.linkage,
            "rule": episode.rule.value,
            "severity": episode.severity.value,
            "begin_at": tell(episode.begin_at_s),
            "raised_at": tell(episode.raised_at_s),
            "end_at": None if episode.end_at_s is None else tell(episode.end_at_s),
            "sentence": episode.sentence,
            "numbers": numbers_of(episode),
        }
    yield {"summary": _summary(tested)}


def _summary(tested: Outcome) -> dict[str, Any]:
    loads, tell = tested.loads, tested.tell
    begin_s, end_s = float(loads.times_s[0]), float(loads.times_s[-1])
    return {
        "episodes": len(tested.episodes),
        "rules": dict(sorted(Counter(one.rule.value for one in tested.episodes).items())),
        "severities": dict(sorted(Counter(one.severity.value for one in tested.episodes).items())),
        "rows": len(loads.times_s),
        "begin_at": tell(begin_s),
        "tested_from": tell(tested.from_s),
        "end_at": tell(end_s),
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
                "findings": list(tested.learned[index].findings) if tested.learned else [],
            }
            for index, params in enumerate(tested.params)
        ],
    }


def _show(tested: Outcome) -> None:
    screen = console()
    for params, learned in zip(tested.params, tested.learned, strict=False):
        for finding in learned.findings:
            screen.print(f"{params.linkage}: {finding}", style="dim", markup=False, soft_wrap=True)
    if not tested.episodes:
        screen.print(f"{word('episodes')}: {word('none')}")
        return
    headings = ("begin", "raised at", "duration", "linkage", "rule", "severity")
    rows = [_row(one, tested.offset_s) for one in tested.episodes]
    screen.print(table([word(heading) for heading in headings], rows))
    for one in tested.episodes:
        screen.print(f"\n{one.id}", style="bold", markup=False, soft_wrap=True)
        screen.print(one.sentence[language()], markup=False, soft_wrap=True)


def _row(episode: Episode, offset_s: int) -> list[str]:
    begin_s, end_s = episode.begin_at_s, episode.end_at_s
    return [
        local_text(begin_s, offset_s, "%Y-%m-%d %H:%M"),
        local_text(episode.raised_at_s, offset_s, "%H:%M:%S"),
        word("lasting") if end_s is None else chosen(duration(end_s - begin_s)),
        episode.linkage,
        chosen(rule_name(episode.rule.value)),
        word(episode.severity.value),
    ]
