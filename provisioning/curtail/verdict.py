"""`dianjian curtail verdict`: the alerts of a chain, judged again from its readings.

What it prints is what gateway and centre compute, since it is the same code: for each line of each alert
the frozen baseline with its days, the hours, and the final verdict once it is due. Whoever has the chain
can check it.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from agent.site.file import ConfigError, load_site
from evidence.curtailment.limits import Verdict
from evidence.curtailment.words import MEASURES, VERDICTS
from evidence.words import Words
from provisioning.curtail.chain_cases import judge_chain, read_orders
from provisioning.curtail.list_check import FILE
from provisioning.curtail.words import LABELS
from provisioning.evidence.state import StateError, walk_state
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import language, translate


@click.command("verdict", short_help="the alerts of a chain, judged again from its readings")
@click.option("--site", "config", required=True, type=FILE, help="The site file of the gateway.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per body: baseline, hour, final.")
def verdict(config: Path, as_json: bool) -> None:
    """Judge each line of each alert in the chain. Exit code 1 if one is not met."""
    try:
        site = load_site(config)
        with walk_state(site.path(site.store.path), config) as walk:
            asked = read_orders(walk)
            judged = judge_chain(site, walk, asked)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except StateError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    say(*asked.odd, err=True)
    if not judged:
        say(translate(LABELS["no alerts"]), err=True)
    for bodies in judged:
        if as_json:
            for body in bodies:
                say_json(body)
        else:
            _show(bodies)
    if any(bodies[-1].get("verdict") == Verdict.NOT_MET for bodies in judged):
        raise click.exceptions.Exit(EXIT_NO)


def _show(bodies: list[dict[str, Any]]) -> None:
    first, last = bodies[0], bodies[-1]
    words = next(words for measure, words in MEASURES.items() if measure == first["measure"])
    say(f"{first['order']}  {first['level']}  {first['line']}  {translate(words)}")
    counts = Counter(body["state"] for body in bodies if body["what"] == "hour")
    if counts:
        told = ", ".join(f"{state} {count}" for state, count in sorted(counts.items()))
        say(f"  {translate(LABELS['hours'])}: {told}")
    if last["what"] == "final":
        sentence: Words = Words(**last["sentence"])
        say(f"  {translate(VERDICTS[Verdict(last['verdict'])])}: {sentence.text(language())}")
    else:
        say(f"  {translate(LABELS['not due'])}")
