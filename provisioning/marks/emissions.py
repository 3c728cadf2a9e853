"""`dianjian marks emissions`: what analysers say, held against the power of the plant that they measure."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from agent.detect.params import LinkageParams
from agent.emissions.plant import find_plant
from agent.site.file import ConfigError, Site, load_site
from agent.site.linkages import linkages_of
from evidence.marks.doubts import DOUBTS
from evidence.marks.emissions import Doubt, Series, find_doubts
from evidence.moments import local_text, zone_s
from provisioning.evidence.state import StateError, walk_state
from provisioning.marks.gather import MINUTE_S, Gathered, gather
from provisioning.marks.words import LABELS
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.terminal.views import draw_sparkline
from provisioning.words.language import translate

FILE: Final = click.Path(dir_okay=False, path_type=Path)
FORM: Final = "%Y-%m-%d %H:%M"
COLUMNS: Final = 60
CURVES: Final = ("value", "production_w", "treatment_w")


@click.command("emissions", short_help="what analysers say, against power")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--site", "config", required=True, type=FILE, help="The site file of the gateway.")
def emissions(config: Path, as_json: bool) -> None:
    """When what an analyser says does not fit the power of the plant. Exit code 1 at a contradiction.

    Most are questions to the plant. Each is shown with the curves of value, production and treatment.
    """
    try:
        site = load_site(config)
        plants = linkages_of(site)
        with walk_state(site.path(site.store.path), config) as walk:
            found = gather(site, walk)
    except (ConfigError, StateError) as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    if not plants:
        raise fail(EXIT_NO, translate(LABELS["no linkage"]))
    if not found.analysers:
        raise fail(EXIT_NO, translate(LABELS["no analyser"]))
    rows = list(_judge(found, plants))
    for analyser, linkage, doubt in rows:
        if as_json:
            say_json({"analyser": analyser, "linkage": linkage, **doubt.to_body()})
        else:
            say(*_tell(site, analyser, linkage, doubt))
    if not rows and not as_json:
        say(translate(LABELS["no doubt"]))
    if any(doubt.is_contradiction for _, _, doubt in rows):
        raise click.exceptions.Exit(EXIT_NO)


def _judge(found: Gathered, linkages: tuple[LinkageParams, ...]) -> Iterator[tuple[str, str, Doubt]]:
    powers = {
        line: {int(at_s // MINUTE_S): watts for at_s, watts in samples}
        for line, samples in found.powers.items()
    }
    for linkage in linkages:
        plant = find_plant(powers, linkage, is_alone=len(linkages) == 1)
        for analyser, points in sorted(found.analysers.items()):
            series: Mapping[str, Series] = points
            for doubt in find_doubts(series, plant):
                yield analyser, linkage.linkage, doubt


def _tell(site: Site, analyser: str, linkage: str, doubt: Doubt) -> Iterator[str]:
    body, offset_s = doubt.to_body(), zone_s(site.site.utc_offset)
    yield translate(
        LABELS["doubt"],
        sure=LABELS["contradicted" if doubt.is_contradiction else "question"],
        analyser=analyser,
        point=doubt.point,
        linkage=linkage,
        begin=local_text(body["from_s"], offset_s, FORM),
        end=local_text(body["to_s"], offset_s, FORM),
        what=DOUBTS[doubt.what.value].fill(**doubt.numbers),
    )
    for name in CURVES:
        curve = _thin(doubt.curves[name])
        top = max((one for one in curve if one is not None), default=0.0)
        yield f"  {draw_sparkline(curve, top, COLUMNS)}  {translate(LABELS[name])} ≤ {top:g}"


def _thin(curve: Sequence[float | None]) -> list[float | None]:
    """At most COLUMNS of its points, evenly."""
    step = max(-(-len(curve) // COLUMNS), 1)
    return list(curve[::step])
