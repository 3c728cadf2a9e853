"""`dianjian explain`: an episode of the stored chain with its sentence, its numbers and its two hours.

In the terminal, or with `--html` or `--svg` as a self-contained file: no network, no script, both
languages, times in the plant's zone, which the chain's own manifest gives.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from agent.site.file import ConfigError, Place, load_site, parse_site
from agent.site.manifest import read_site_text
from agent.store.names import DATABASE_NAME
from disk.plain_text import one_line
from disk.tables import TableError
from evidence.moments import local_text, zone_s
from evidence.record import Kind
from evidence.walk import Walk
from provisioning.evidence.state import StateError, walk_state
from provisioning.pages.episode import collect_numbers, draw_episode_file, draw_episode_page, name_severity
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say_json
from provisioning.terminal.show import console, make_heading
from provisioning.terminal.views import draw_trace
from provisioning.words.correlation import describe_for_episode
from provisioning.words.labels import label, label_outside
from provisioning.words.language import language, translate
from provisioning.words.numbers import name_rule, rows

_FILE = click.Path(dir_okay=False, path_type=Path)

Body = dict[str, Any]


@click.command("explain", short_help="show an episode of the stored chain with its evidence")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="On the gateway: the state folder, if it is not the site file's.",
)
@click.option(
    "--config", type=_FILE, help="The site file, for the centre's key; else the one that names the folder."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per episode.")
@FORCE
@click.option("--html", type=NEW_FILE, help="Write the episode as a page.")
@click.option("--svg", type=NEW_FILE, help="Write its two hours as a drawing.")
@click.argument("episode", required=False)
def command(
    state: Path | None,
    config: Path | None,
    as_json: bool,
    html: Path | None,
    svg: Path | None,
    episode: str | None,
) -> None:
    """Explain EPISODE (its id or the beginning of it), or list all episodes without it."""
    state = state or _find_state(config)
    try:
        with walk_state(state, config, to_hole=True) as walk:
            known = {body["id"]: (body, offset_s) for body, offset_s in _read_episodes(walk)}
            hole = walk.hole
    except StateError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    found = [one for id_, one in known.items() if episode is None or (episode and id_.startswith(episode))]
    if not found and hole is None:
        which = f" {episode}" if episode else ""
        raise fail(EXIT_NO, f"no episode{which} in {state}; known: {', '.join(known) or 'none'}")
    if found and (html or svg):
        _write(found, known.get(episode or ""), html, svg)
    for body, offset_s in () if html or svg else found:
        if as_json:
            say_json(body)
        else:
            _show(body, offset_s, whole=episode is not None)
    if hole is not None:
        raise fail(EXIT_USAGE, f"{state / DATABASE_NAME}: {hole.text.en}")


def _find_state(config: Path | None) -> Path:
    """The folder that the site file names."""
    if config is None:
        raise fail(EXIT_USAGE, "say where the agent is: either --config SITE or --state FOLDER")
    try:
        site = load_site(config)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    return site.path(site.store.path)


def _write(
    found: list[tuple[Body, int]], exact: tuple[Body, int] | None, html: Path | None, svg: Path | None
) -> None:
    if exact is None and len(found) > 1:
        ids = ", ".join(body["id"] for body, _ in found)
        raise fail(EXIT_USAGE, f"a drawing shows one episode; name one of: {ids}")
    body, offset_s = exact or found[0]
    if html:
        write_or_fail(html, draw_episode_page(body, offset_s, language()).encode())
    if svg:
        write_or_fail(svg, draw_episode_file(body, offset_s).encode())


def _read_episodes(walk: Walk) -> Iterator[tuple[Body, int]]:
    """Every episode as it was recorded, with the plant's zone at that time."""
    offset_s = zone_s(Place().utc_offset)
    for seal in walk.seals():
        if seal.problem:
            raise StateError(f"seal {seal.header.number} holds what was never sealed: {seal.problem}")
        for record in seal.events(Kind.EPISODE, Kind.MANIFEST):
            if record.kind is Kind.EPISODE:
                yield record.body, offset_s
            elif (site := read_site_text(record.body)) is not None:
                offset_s = _read_offset_s(site, offset_s)


def _read_offset_s(site: str, before_s: int) -> int:
    """The zone of the site file that the manifest carries."""
    try:
        return zone_s(parse_site(site, Path("manifest")).site.utc_offset)
    except TableError:  # written by an agent of another version
        return before_s


def _show(body: Body, offset_s: int, *, whole: bool) -> None:
    screen = console()
    begin = local_text(body["begin_at_s"], offset_s)
    rule, severity = translate(name_rule(body)), translate(name_severity(body["severity"]))
    head = f"  {severity}  {rule}  {label_outside(body['state'])}  {begin}"
    screen.print(make_heading(body["id"], head))
    screen.print(one_line(body["sentence"][language()]), markup=False)
    if not whole:
        return
    marks = ((label("begin"), body["begin_at_s"]), (label("raised at"), body["raised_at_s"]))
    screen.print(draw_trace(body["trace"], lambda at_s: local_text(at_s, offset_s, "%H:%M"), marks))
    correlation = describe_for_episode(body)
    if correlation is not None:
        screen.print(translate(correlation), style="dim", markup=False)
    for name, value in rows(collect_numbers(body), offset_s):
        screen.print(one_line(f"  {translate(name)}: {translate(value)}"), markup=False)
