"""`dianjian curtail verdict`: the alerts of a chain, judged again from its readings.

What it prints is what gateway and centre compute, since it is the same code: for each line of each alert
the frozen baseline with its days, the hours, and the final verdict once it is due. What the gateway has
sealed is compared with it, and a difference is told with its keys. Whoever has the chain can check it. Each
reading is judged by the site file that was sealed before it; the one that is named says where the chain is.

Exit code 1 if a line has not met what was asked, or if the gateway has sealed something else.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from agent.site.file import ConfigError, load_site
from evidence.curtailment.limits import Verdict
from evidence.curtailment.stopping import HourState
from evidence.curtailment.words import HOURS, MEASURES, REASONS
from evidence.moments import zone_s
from evidence.words import Words
from provisioning.curtail.chain_cases import Judged, judge_chain
from provisioning.curtail.list_check import FILE
from provisioning.curtail.settled import Noted
from provisioning.curtail.verdict_page import draw_verdicts
from provisioning.curtail.words import LABELS
from provisioning.evidence.state import StateError, walk_state
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say, say_json
from provisioning.words.alerts import name_level
from provisioning.words.language import language, translate


@click.command("verdict", short_help="the alerts of a chain, judged again from its readings")
@click.option("--site", "config", required=True, type=FILE, help="The site file of the gateway.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per body: baseline, hour, final.")
@FORCE
@click.option("--plot", type=NEW_FILE, help="Draw baseline, limit and what was used into this HTML file.")
def verdict(config: Path, as_json: bool, plot: Path | None) -> None:
    """Judge each line of each alert in the chain, and compare with what the gateway has sealed.

    Exit code 1 if one is not met, or if the gateway has sealed something else.
    """
    try:
        site = load_site(config)
        with walk_state(site.path(site.store.path), config) as walk:
            noted = Noted(walk, sees_sites=True)
            judged = judge_chain(site, noted)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except StateError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    _tell_problems(judged, noted)
    for bodies in judged.computed.values():
        if as_json:
            for body in bodies:
                say_json(body)
        else:
            _show(bodies)
    if plot:
        name, offset_s = site.site.name or site.site.gateway, zone_s(site.site.utc_offset)
        write_or_fail(plot, draw_verdicts(name, judged, offset_s, language()).encode())
    differs = _tell_differences(judged, noted)
    not_met = any(bodies[-1].get("verdict") == Verdict.NOT_MET for bodies in judged.computed.values())
    if not_met or differs:
        raise click.exceptions.Exit(EXIT_NO)


def _tell_problems(judged: Judged, noted: Noted) -> None:
    for unfit in judged.pending:
        place = f"{unfit.order.id} {unfit.line}".rstrip()
        say(f"{place}: {translate(REASONS[unfit.why])}", err=True)
    if not judged.computed:
        say(translate(LABELS["no alerts"]), err=True)
    elif not noted.is_whole:
        say(translate(LABELS["not whole"], first=noted.first, absent=noted.absent), err=True)
    elif changed := noted.find_changed(judged):
        say(translate(LABELS["changed"], count=len(changed)), err=True)


def _tell_differences(judged: Judged, noted: Noted) -> bool:
    differences = noted.find_differences(judged)
    for (order, _, line), what, keys in differences:
        named = ", ".join(map(_name_key, keys))
        say(translate(LABELS["differs"], place=f"{order} {line} {what}", keys=named), err=True)
    return bool(differences)


def _name_key(key: str) -> str:
    return translate(LABELS[key]) if key in {"only sealed", "not sealed"} else key


def _show(bodies: list[dict[str, Any]]) -> None:
    first, last = bodies[0], bodies[-1]
    words = next((words for measure, words in MEASURES.items() if measure == first["measure"]), None)
    level = translate(name_level(first["level"]))
    named = (first["order"], level, first["line"], translate(words) if words else "")
    say("  ".join(one for one in named if one))
    counts = Counter(body["state"] for body in bodies if body["what"] == "hour")
    if counts:
        told = ", ".join(f"{translate(HOURS[HourState(one)])} {n}" for one, n in sorted(counts.items()))
        say(f"  {translate(LABELS['hours told'], told=told)}")
    if last["what"] == "final":
        say(f"  {translate(Words(**last['sentence']))}")
    else:
        say(f"  {translate(LABELS['not due'])}")
