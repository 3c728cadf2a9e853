"""A gateway's life from its token to a new key: no secret in what its processes say, write or are called.

Looked at are stdout and stderr, argument lists and environments in /proc, every file of the gateway but the
ones that hold a key by their nature, what travels on the stick, and a support archive at the end.
"""

import gzip
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field

from agent.care.masking import list_forms
from agent.sealing.key_slots import KeySlots, KeySlotsError
from agent.store.gateway import read_seals
from agent.store.names import DATABASE_NAME
from disk.database import StoreError
from tests.provisioning.enrolment.desk import Desk, bare, good, offer_file
from wire.enrolment.offer import parse_offer

LOOK_S = 0.003
LIFE_S = 2.0
"""From its first seal on."""


@define
class Seen:
    """What was seen, by where, and the secrets that must not be in it."""

    folder: Path
    outputs: dict[str, bytes] = field(factory=dict)
    secrets: set[bytes] = field(factory=set)

    def add(self, where: str, raw: bytes) -> None:
        self.outputs[where] = self.outputs.get(where, b"") + raw + b"\n"

    @contextmanager
    def keys(self, file: Path) -> Iterator[None]:
        """Collect every secret that is alive in the key file meanwhile."""
        ended = threading.Event()

        def collect() -> None:
            while not ended.wait(LOOK_S):
                try:
                    self.secrets |= {slot.secret for slot in KeySlots(file).load() if slot.secret}
                except KeySlotsError:
                    continue

        thread = threading.Thread(target=collect)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def run(self, name: str, *words: str | Path, sealing_in: Path | None = None) -> int:
        """A process of ours, looked at from outside until it ends; stopped LIFE_S after it has sealed."""
        out, err = self.folder / f"{name}.out", self.folder / f"{name}.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", *map(str, words)], stdout=stdout, stderr=stderr, cwd=self.folder
            )
            before = 0 if sealing_in is None else count_seals(sealing_in)
            stop_s: float | None = None
            while process.poll() is None:
                for pid in {process.pid, *_children(process.pid)}:
                    for what in ("cmdline", "environ"):
                        self.add(f"{name} {what}", _read(Path(f"/proc/{pid}/{what}")))
                if sealing_in is not None and count_seals(sealing_in) > before:
                    stop_s, sealing_in = time.monotonic() + LIFE_S, None
                if stop_s is not None and time.monotonic() > stop_s:
                    process.terminate()
                    stop_s = None
                time.sleep(0.02)
        self.add(f"{name} stdout", out.read_bytes())
        self.add(f"{name} stderr", err.read_bytes())
        return process.returncode

    def found(self) -> list[tuple[str, str]]:
        """Where a secret is, and how its form begins."""
        texts = {name: raw.decode("latin-1") for name, raw in self.outputs.items()}
        return [
            (name, form[:12])
            for secret in self.secrets
            for form in {*list_forms(secret), secret.decode("latin-1")}
            for name, text in texts.items()
            if form in text
        ]


def count_seals(state: Path) -> int:
    database = state / DATABASE_NAME
    try:
        return sum(1 for _ in read_seals(database)) if database.exists() else 0
    except StoreError:  # it is being made
        return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _children(pid: int) -> list[int]:
    return [int(word) for word in _read(Path(f"/proc/{pid}/task/{pid}/children")).split()]


@pytest.mark.e2e
@pytest.mark.minutes
def test_no_secret_is_in_anything_that_a_gateway_says_writes_or_is_called_with(tmp_path: Path) -> None:
    desk, stick = Desk.opened(tmp_path / "centre"), tmp_path / "stick"
    stick.mkdir()
    site, recovery = bare(tmp_path / "gateway"), tmp_path / "recovery.key"
    offered = desk.token("g1", "--meters", str(site))
    token = offer_file(tmp_path, offered)
    seen = Seen(tmp_path / "seen")
    seen.folder.mkdir()
    state = site.parent / "state"
    enrol = ["provisioning.cli", "enrol", "--config", site, "--recovery", recovery, "--token-file", token]
    with seen.keys(state / "keys"):
        assert seen.run("enrol", *enrol, "--via", f"file:{stick}") == 1, "it is to be carried to the centre"
        code = seen.outputs["enrol stderr"].decode().rsplit("code ", 1)[1].split(")")[0]
        good("centre", "approve", *desk.all, "--from", str(stick), "--code", code)
        assert seen.run("installed", *enrol, "--via", f"file:{stick}") == 0
        site.write_text(site.read_text("utf-8") + (seen.folder / "installed.out").read_text("utf-8"), "utf-8")
        assert seen.run("run", "agent.main", "run", "--config", site, sealing_in=state) == 0
        assert seen.run("status", "provisioning.cli", "status", "--config", site) == 3
        shutil.copy(state / "keys", tmp_path / "keys-before")
        (state / "keys").write_bytes(bytes(64 * 512))
        assert seen.run("refused", "agent.main", "run", "--config", site) == 4
        rekeyed = seen.run("rekey", "agent.main", "rekey", "--config", site, "--recovery", recovery)
        assert rekeyed == 0, seen.outputs["rekey stderr"]
        assert seen.run("after", "agent.main", "run", "--config", site, sealing_in=state) == 0
        assert seen.run("doctor", "provisioning.cli", "doctor", "--config", site, "--bundle", "b.tar.gz") == 1
    seen.add("bundle", gzip.decompress((seen.folder / "b.tar.gz").read_bytes()))
    assert b"seal" in seen.outputs["bundle"]

    offer = parse_offer(str(offered["offer"]))
    tls = (state / "tls/current/key.pem").read_bytes()
    assert len(seen.secrets) >= 3, "keys of several seals were seen alive"
    seen.secrets |= {
        bytes.fromhex(recovery.read_text("ascii")),
        b"".join(tls.splitlines()[1:-1]),
        offer.text.encode(),
        offer.token.text.encode(),
        offer.token.secret.encode(),
    }
    own = {state / "keys", *state.glob("keys.*"), *state.glob("tls/**/key.pem")}
    for file in [*site.parent.rglob("*"), *stick.rglob("*")]:
        if file.is_file() and file not in own and file.suffix != ".ballast":
            seen.add(str(file.relative_to(tmp_path)), file.read_bytes())
    assert "gateway/state/chain.db" in seen.outputs
    assert any(name.startswith("stick/") for name in seen.outputs)
    assert any(b"/agent" in raw or b"agent.main" in raw for raw in seen.outputs.values())
    assert seen.found() == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """The test above could else pass by being blind."""
    seen = Seen(tmp_path, secrets={bytes(range(32))})
    seen.add("hex", bytes(range(32)).hex().encode())
    seen.add("raw", b"x" + bytes(range(32)))
    os.environ["DIANJIAN_TEST_SECRET"] = bytes(range(32)).hex()
    try:
        assert seen.run("child", "timeit", "-n", "1", "import time; time.sleep(0.3)") == 0
    finally:
        del os.environ["DIANJIAN_TEST_SECRET"]
    assert {name for name, _ in seen.found()} == {"hex", "raw", "child environ"}
