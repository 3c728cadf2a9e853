"""The walk along a gateway's own chain, for commands that are given only its state folder.

Receipts are checked with the centre's key from the given site file, else from the one beside the folder or
the installed one, if it names this folder.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.sealing.anchors import read_anchors
from agent.site.enrolment import EnrolmentError, read_enrolment
from agent.site.file import ConfigError, load_site
from agent.store.archive import open_gateway
from agent.store.names import DATABASE_NAME
from disk.database import StoreError
from evidence.cbor import FormatError
from evidence.seal import peek_header
from evidence.walk import Walk, survey
from provisioning.terminal.paths import USUAL_SITE


class StateError(Exception):
    """There is no chain in the state folder that can be used; the message says why, in one line."""


@contextmanager
def walk_state(state: Path, site_file: Path | None = None, *, to_hole: bool = False) -> Iterator[Walk]:
    """The walk along the chain in the state folder `state`.

    With `to_hole` also one that is proved up to a hole at its end, which is the caller's to tell.

    Raises:
        StateError: There is no chain, it cannot be read, or the walk refuses it.
    """
    database = state / DATABASE_NAME
    if not database.exists():
        raise StateError(f"{database}: no chain is there; name the state folder of the agent")
    try:
        archive = open_gateway(database, "")
    except StoreError as error:
        raise StateError(str(error)) from error
    try:
        archive.gateway = _gateway(state) or next(
            (peek_header(row.cose).gateway for row in archive.rows(1, archive.last, bodies=False)), ""
        )
        anchors = read_anchors(state, archive, _centre_key(state, site_file))
        walk = survey(archive, anchors, archive.first, archive.last)
        if walk.problem is not None and not (to_hole and walk.hole):
            raise StateError(f"{database}: {walk.problem.en}")
        yield walk
    except ConfigError as error:
        raise StateError(f"{error.path}: {error.problems[0]}") from error
    except (StoreError, FormatError) as error:
        raise StateError(f"{database}: {error}") from error
    finally:
        archive.close()


def _gateway(state: Path) -> str:
    try:
        return read_enrolment(state)["gateway"]
    except EnrolmentError:
        return ""


def _centre_key(state: Path, given: Path | None) -> bytes | None:
    if given is not None:
        broker = load_site(given).broker
        return broker.centre_key if broker else None
    for file in (state.absolute().parent / "site.toml", Path(USUAL_SITE)):
        with suppress(ConfigError):
            site = load_site(file)
            if site.broker is not None and site.path(site.store.path).resolve() == state.resolve():
                return site.broker.centre_key
    return None
