"""The chain of one gateway in the centre's store, with the site file that it carries: marks and rechecks.

The site file is that of the newest manifest, unless another is given: a plant whose meters need model files
of their own has those beside its site file.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from agent.site.file import ConfigError, Site, load_site, parse_site
from centre.clues.candidates import Candidate
from centre.store.place import Place
from centre.store.reading import open_centre
from disk.database import StoreError
from disk.tables import TableError
from evidence.anchors import Anchors
from evidence.cbor import FormatError
from evidence.clues.course import Opening
from evidence.clues.recheck import HABIT_DAYS, Recheck, recheck
from evidence.clues.step import Link, Linked
from evidence.marks.catalogue import load_catalogue
from evidence.marks.truth import Truth
from evidence.record import Kind, Record, decode_record, kind_of
from evidence.seal import open_body, peek_header
from evidence.walk import Walk, survey
from provisioning.care.sites import read_sites
from provisioning.centre.clues.words import WORDS
from provisioning.centre.options import failing_in_one_line
from provisioning.curtail.history import read_chain_history
from provisioning.marks.gather import gather
from provisioning.marks.judged import HOLD_S, judge_marks
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.words.language import translate

MS_PER_S: Final = 1000
DAY_MS: Final = 86_400_000
MARK_RULE: Final = "false_mark"
"""The rule of a clue that begins with a mark which power contradicts."""


def find_site(store: Place, gateway: str, given: Path | None) -> Site:
    """The site file of a gateway; ends the command if there is none that can be read."""
    try:
        if given is not None:
            return load_site(given)
        with failing_in_one_line(store):
            found = read_sites(store, (gateway,)).get(gateway)
        if found is None:
            raise fail(EXIT_USAGE, translate(WORDS["no site"], gateway=gateway))
        return parse_site(found.text, Path(f"{gateway}.toml"))
    except (ConfigError, TableError) as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error


def hash_records(store: Place, gateway: str, seal: int) -> set[bytes]:
    """The hashes of the records in a seal of the store; none where it has no such body."""
    with failing_in_one_line(store), closing(open_centre(store, gateway)) as archive:
        for row in archive.rows(seal, seal):
            with suppress(FormatError):  # the disk has changed it since it was verified
                return {sha256(raw).digest() for raw in open_body(peek_header(row.cose), row.body or b"")}
    return set()


@contextmanager
def walk_store(store: Place, gateway: str, since_utc_ms: int = 0) -> Iterator[Walk]:
    """The walk along what the store has of a gateway, from a time on; ends the command if it is refused."""
    with failing_in_one_line(store):
        archive = open_centre(store, gateway)
    try:
        first = archive.first
        low, high = archive.first, archive.last
        while since_utc_ms and low <= high:
            middle = (low + high) // 2
            row = next(iter(archive.rows(middle, middle, bodies=False)), None)
            if row is None or peek_header(row.cose).utc_ms >= since_utc_ms:
                high = middle - 1
            else:
                first, low = middle, middle + 1
        anchors = Anchors(gateway, archive.first_key, statements=archive.statements, tip=archive.tip)
        walk = survey(archive, anchors, first, archive.last)
        if walk.problem is not None:
            raise fail(EXIT_USAGE, translate(WORDS["no walk"], gateway=gateway, why=walk.problem.en))
        yield walk
    except (StoreError, FormatError) as error:
        raise fail(EXIT_USAGE, f"{store}: {error}") from error
    finally:
        archive.close()


def recheck_clue(
    store: Place, opening: Opening, begin_utc_ms: int, end_utc_ms: int, given: Path | None
) -> Recheck:
    """The recheck of a clue's lines over a period, out of the chain; ends the command if there is none."""
    site = find_site(store, opening.gateway, given)
    kinds = {str(line.id): line.kind for line in site.line}
    since_ms = max(begin_utc_ms - (HABIT_DAYS + 1) * DAY_MS, 0)
    with walk_store(store, opening.gateway, since_ms) as walk:
        try:
            powers = gather(site, walk).powers
        except ConfigError as error:
            raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    groups = {
        kind: [powers.get(line, []) for line in opening.lines if kinds.get(line) == kind]
        for kind in ("production", "treatment")
    }
    begin_s, end_s = begin_utc_ms // MS_PER_S, end_utc_ms // MS_PER_S
    return recheck(groups["production"], groups["treatment"], begin_s, end_s, HOLD_S)


def find_false_marks(store: Place, gateway: str, given: Path | None) -> Iterator[Candidate]:
    """The marks of a gateway that power contradicts."""
    site = find_site(store, gateway, given)
    with walk_store(store, gateway) as walk:
        try:
            found = gather(site, walk)
            ledgers = dict(read_chain_history(site, walk).ledgers) if found.marks else {}
        except ConfigError as error:
            raise fail(EXIT_USAGE, *str(error).splitlines()) from error
        places = _find_marks(walk) if found.marks else {}
    for one in judge_marks(site, load_catalogue("general"), found, ledgers, found.until_s):
        mark = one.mark
        if one.checked.truth is not Truth.CONTRADICTED or mark.id not in places:
            continue
        seal, digest = places[mark.id]
        opening = Opening(
            gateway=gateway,
            rule=MARK_RULE,
            lines=(mark.subject,),
            begin_s=int(mark.from_s),
            end_s=None if mark.to_s is None else int(mark.to_s),
        )
        text = f"{mark.code}: {mark.reason}"
        yield Candidate(link=Link(Linked.MARK, mark.id, digest, gateway, seal), opening=opening, text=text)


def _find_marks(walk: Walk) -> dict[str, tuple[int, bytes]]:
    """Seal and hash of the last record of each mark, by its id."""
    found: dict[str, tuple[int, bytes]] = {}
    for seal in walk.seals():
        for raw in seal.records or ():
            if kind_of(raw) != Kind.MARK:
                continue
            try:
                record = decode_record(raw)
            except FormatError:
                continue
            if isinstance(record, Record):
                found[str(record.body.get("id"))] = seal.header.number, sha256(raw).digest()
    return found
