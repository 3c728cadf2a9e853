"""Whatever lies where a file of the state should be: the agent opens its chain, or ends with a line about it.

Nothing is waited for, followed without end or read without end, and what was sealed stays where it is.
"""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from agent.host.certificate_end import certificate_end
from agent.learned import NAME, read_learned
from agent.sealing.key_slots import KeySlotsError
from agent.sealing.opening import open_chain
from agent.sealing.recovery import Start
from agent.sealing.statements import STATEMENTS_NAME, read_statements
from agent.site.file import parse_site
from agent.store.names import DATABASE_NAME, KEYS_NAME
from disk.database import ReplacedError, StoreError
from tests.agent.rig import SITE, Rig

FILES: Final = (
    *(
        DATABASE_NAME + suffix
        for suffix in ("", "-wal", "-shm", ".ballast", ".lock", ".suspect", ".salvaged")
    ),
    KEYS_NAME,
)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def make_huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


KINDS: Final[dict[str, Callable[[Path], object]]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "socket": make_socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "link to nothing": lambda path: path.symlink_to("/nonexistent/file"),
    "empty": Path.touch,
    "huge": make_huge,
    "other": lambda path: path.write_bytes(b"[" * 300_000),
}
"""In the place of a file."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lived")
    rig = Rig(folder)
    rig.run(30, 30_000, 12_000)
    rig.close()
    return folder


def put(folder: Path, name: str, kind: str) -> None:
    path = folder / "state" / name
    path.unlink(missing_ok=True)
    KINDS[kind](path)


def opened(folder: Path) -> Start | str:
    """How the chain goes on, or the line with which `agent.main` ends."""
    try:
        _, store, _, recovery = open_chain(parse_site(SITE, folder / "site.toml"))
    except (StoreError, KeySlotsError, OSError) as error:
        return str(error)
    store.close()
    return recovery.start


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILES)
def test_the_chain_is_opened_or_a_line_says_what_is_in_its_place(
    lived: Path, tmp_path: Path, name: str, kind: str
) -> None:
    shutil.copytree(lived, tmp_path / "life")
    put(tmp_path / "life", name, kind)
    told = opened(tmp_path / "life")
    if not isinstance(told, Start):
        assert len(told.splitlines()) == 1
        assert name in told or DATABASE_NAME in told
        if name != DATABASE_NAME:
            assert (tmp_path / "life/state" / DATABASE_NAME).stat().st_size > 0, "nothing was changed"
    else:
        assert told in {Start.CLEAN, Start.LOST_TAIL, Start.REKEY}
        assert told is not Start.REKEY or name == KEYS_NAME


@pytest.mark.parametrize(
    ("kind", "what"),
    [("pipe", "a pipe"), ("folder", "a folder"), ("socket", "a socket"), ("device", "a device")],
)
def test_what_is_no_file_is_named_for_what_it_is_and_left_alone(
    lived: Path, tmp_path: Path, kind: str, what: str
) -> None:
    shutil.copytree(lived, tmp_path / "life")
    put(tmp_path / "life", DATABASE_NAME, kind)
    with pytest.raises(StoreError, match=f"is {what} in the place of the database: move it away"):
        open_chain(parse_site(SITE, tmp_path / "life/site.toml"))
    assert not (tmp_path / "life/state" / DATABASE_NAME).is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_and_statements_are_read_or_are_none(tmp_path: Path, kind: str) -> None:
    for name in (STATEMENTS_NAME, "certificate.pem"):
        KINDS[kind](tmp_path / name)
    assert read_statements(tmp_path) == []
    assert certificate_end(tmp_path / "certificate.pem") is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_polls_learned_is_learned_anew(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    KINDS[kind](tmp_path / NAME)
    assert read_learned(tmp_path) == {}
    assert kind == "link to nothing" or "learned anew" in caplog.text


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def put_another(path: Path) -> None:
    """A copy: the same bytes are another file, into which nobody writes."""
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)


def put_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


TAKEN: Final[dict[str, tuple[Callable[[Path], None], str]]] = {
    "taken away": (Path.unlink, "was taken away while it was in use"),
    "moved": (lambda path: path.rename(path.with_suffix(".moved")) and None, "was taken away"),
    "another file": (put_another, "was replaced while it was in use"),
    "a pipe": (put_a_pipe, "was replaced while it was in use"),
    "cut": (cut, "was cut from "),
}


@pytest.mark.parametrize("how", TAKEN)
def test_a_database_that_is_taken_away_while_it_is_in_use_ends_the_agent_before_the_next_seal(
    tmp_path: Path, how: str
) -> None:
    rig = Rig(tmp_path)
    rig.run(30, 30_000, 12_000)
    take, line = TAKEN[how]
    take(tmp_path / "state" / DATABASE_NAME)
    with pytest.raises(ReplacedError, match=line):
        rig.run(30, 30_000, 12_000)
    rig.close()
