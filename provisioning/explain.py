"""`dianjian explain`: an episode of the stored chain with its sentence, its numbers and its two hours."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agent.build import DATABASE_NAME
from agent.evidence.record import Kind, Record, decode_record, kind_of
from agent.evidence.seal import open_body, peek_header
from agent.store.gateway import read_seals
from provisioning.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.show import console, trace_view
from provisioning.words import language, word


@click.command("explain", short_help="show an episode of the stored chain with its evidence")
@click.option(
    "--state", required=True, type=click.Path(file_okay=False, path_type=Path), help="State folder."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object an episode.")
@click.argument("episode", required=False)
def command(state: Path, as_json: bool, episode: str | None) -> None:
    """Explain EPISODE (its id or the beginning of it), or list all episodes without it."""
    database = state / DATABASE_NAME
    if not database.exists():
        raise fail(EXIT_USAGE, f"{database}: no chain is there; name the state folder of the agent")
    latest = {body["id"]: body for body in _episodes(database)}
    found = [body for id_, body in latest.items() if episode is None or id_.startswith(episode)]
    if not found:
        raise fail(EXIT_NO, f"no episode {episode or ''} in {database}; known: {', '.join(latest) or 'none'}")
    for body in found:
        if as_json:
            click.echo(json.dumps(body, ensure_ascii=False))
        else:
            _show(body, whole=episode is not None)


def _episodes(database: Path) -> Iterator[dict[str, Any]]:
    for seal in read_seals(database):
        if seal.body is None:
            continue
        for raw in open_body(peek_header(seal.cose), seal.body):
            if kind_of(raw) == Kind.EPISODE:
                record = decode_record(raw)
                assert isinstance(record, Record)
                yield record.body


def _show(body: dict[str, Any], *, whole: bool) -> None:
    screen = console()
    begin = datetime.fromtimestamp(body["begin_at_s"], UTC).isoformat(timespec="seconds")
    screen.print(
        f"[bold]{body['id']}[/]  {word(body['severity'])}  {body['rule']}  {word(body['state'])}  {begin}"
    )
    screen.print(body["sentence"][language()])
    if not whole:
        return
    screen.print(trace_view(body["trace"]))
    for name, value in body["numbers"].items():
        screen.print(f"  {name}: {value}")
