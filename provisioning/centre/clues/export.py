"""`dianjian centre clues export`: the whole ledger for a stranger to check, and clues on a map.

The ledger is signed at its end by an officer, so that nobody can cut off its last steps. The map is GeoJSON
(RFC 7946, WGS 84): a point for each clue whose site file has a position; the others are listed, and none is
made up.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from centre.clues.ledger import export_clues
from centre.feed import Feed
from centre.store.journal import SqlJournal
from centre.store.place import Place, open_to_read
from evidence.clues.course import Clue
from evidence.clues.file import encode_clues
from evidence.clues.step import End, sign_end
from evidence.moments import iso_utc
from evidence.seal import NUMBER_MAX
from provisioning.centre.clues.options import (
    CLUES,
    KEY,
    OFFICER,
    ending_by_clues,
    load_signer,
    now_after,
    open_books,
    to_plain,
)
from provisioning.centre.clues.words import WORDS
from provisioning.centre.keys import LEDGER
from provisioning.centre.options import AS_JSON, FILE, failing_in_one_line, show
from provisioning.city.positions import PositionsError, read_positions
from provisioning.terminal.exits import EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.say import say, say_json
from provisioning.terminal.store_option import store_option
from provisioning.words.language import translate


@click.command("export")
@LEDGER
@CLUES
@KEY
@OFFICER
@FORCE
@click.option("--out", required=True, type=NEW_FILE, help="The file to write.")
@AS_JSON
def export(ledger: Path, path: Path, key: Path, officer: str, out: Path, as_json: bool) -> None:
    """Write the whole ledger into a file that anybody can check with the root's key."""
    books = open_books(ledger, path)
    signer = load_signer(books, key, officer)
    with ending_by_clues(path):
        end = sign_end(
            End(books.clues.seq, books.clues.hash, signer.name, signer.key, now_after(books)), signer.secret
        )
        raw = encode_clues(export_clues(books.orders, books.raws, end))
    write_or_fail(out, raw)
    counts = {"steps": books.clues.seq, "clues": len(books.clues.clues)}
    root = books.orders.root.hex()
    fields = {"file": str(out), "root": root, **counts, "tip": books.clues.hash.hex()}
    show(fields, translate(WORDS["exported"], file=out, root=root, **counts), as_json=as_json)


@click.command("map")
@LEDGER
@CLUES
@store_option("The subscriber's database: the site files with the positions.", required=True)
@FORCE
@click.option("--positions", "file", type=FILE, help="CSV of gateway,longitude,latitude; it goes first.")
@click.option("--out", required=True, type=NEW_FILE, help="The file to write.")
@AS_JSON
def draw_map(ledger: Path, path: Path, store: Place, file: Path | None, out: Path, as_json: bool) -> None:
    """Write the clues as GeoJSON, each at the position of its site."""
    known = list(open_books(ledger, path).clues.clues.values())
    places = _find_positions(store, sorted({one.opening.gateway for one in known}))
    try:
        given = {} if file is None else read_positions(file)
    except PositionsError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    places |= {name: (one.longitude, one.latitude) for name, one in given.items() if name in places}
    features = list(_draw(known, places))
    absent = [name for name, position in places.items() if position is None]
    drawn = {"type": "FeatureCollection", "features": features, "unplaced": absent}
    write_or_fail(out, (json.dumps(drawn, ensure_ascii=False, indent=1) + "\n").encode())
    if as_json:
        say_json({"file": str(out), "features": len(features), "unplaced": absent})
        return
    say(translate(WORDS["map"], file=out, count=len(features)))
    if absent:
        say(translate(WORDS["unplaced"], gateways=", ".join(absent)))


def _draw(known: list[Clue], places: dict[str, tuple[float, float] | None]) -> Iterator[dict[str, Any]]:
    for clue in known:
        position = places[clue.opening.gateway]
        if position is None:
            continue
        told = {**to_plain(clue), "text": clue.steps[0].text, "opened": iso_utc(clue.steps[0].utc_ms)}
        point = {"type": "Point", "coordinates": list(position)}
        yield {"type": "Feature", "id": clue.id, "geometry": point, "properties": told}


def _find_positions(store: Place, gateways: list[str]) -> dict[str, tuple[float, float] | None]:
    """Longitude and latitude of each gateway's newest site file, None where it has not both."""
    found: dict[str, tuple[float, float] | None] = {}
    with failing_in_one_line(store), closing(open_to_read(store)) as snapshot:
        feed = Feed(SqlJournal(snapshot.read))
        for gateway in gateways:
            known = feed.known_of(gateway)
            values = [known.config(f"site.{name}", NUMBER_MAX) for name in ("longitude", "latitude")]
            found[gateway] = _parse_position(*values)
    return found


def _parse_position(longitude: object, latitude: object) -> tuple[float, float] | None:
    """A position on earth; the site file is the plant's, so anything may stand there."""
    if not isinstance(longitude, int | float) or not isinstance(latitude, int | float):
        return None
    return (float(longitude), float(latitude)) if abs(longitude) <= 180 and abs(latitude) <= 90 else None
