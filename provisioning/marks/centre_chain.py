"""A gateway's chain as the centre holds it, gone along, with the site file that is in it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agent.site.file import ConfigError, Site, parse_site
from agent.site.manifest import read_site_text
from centre.store.place import Place
from centre.store.reading import open_centre
from disk.database import StoreError
from disk.tables import TableError
from evidence.anchors import Anchors
from evidence.archive import Archive
from evidence.record import Kind
from evidence.walk import Walk, survey


@contextmanager
def walk_centre(store: Place, gateway: str) -> Iterator[Walk]:
    """The walk along what the centre holds of a gateway; raises StoreError."""
    with closing(open_centre(store, gateway)) as archive:
        anchors = Anchors(gateway, archive.first_key, statements=archive.statements, tip=archive.tip)
        walk = survey(archive, anchors, archive.first, archive.last)
        if walk.problem is not None:
            raise StoreError(f"{store}: {walk.problem.en}")
        yield walk


def find_archived(walk: Walk, begin_ms: float, end_ms: float) -> tuple[int, int] | None:
    """First and last seal made in a time whose readings the centre has had and keeps in its archive now."""
    source = walk.source
    if not isinstance(source, Archive) or source.held is None or not source.has_given_up:
        return None
    away = [
        seal.header.number
        for seal in walk.seals()
        if seal.records is None
        and begin_ms <= seal.header.utc_ms < end_ms
        and seal.header.number in source.held
    ]
    return (away[0], away[-1]) if away else None


def find_site(walk: Walk, before_utc_ms: float = float("inf")) -> Site | None:
    """The newest site file that was sealed before a time, None if it has none; raises ConfigError."""
    for seal in walk.seals(backwards=True):
        if seal.header.utc_ms >= before_utc_ms:
            continue
        for record in reversed(list(seal.events(Kind.MANIFEST))):
            text = read_site_text(record.body)
            if text is not None:
                return _parse(text)
    return None


def _parse(text: str) -> Site:
    file = Path("site.toml")
    try:
        return parse_site(text, file)
    except TableError as error:
        raise ConfigError(file, error.problems) from error
