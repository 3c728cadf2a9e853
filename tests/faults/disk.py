"""A process that seals, whose system calls are watched, refused or cut off, and what its disk holds then.

The child is forked with everything imported and waits at a pipe until strace has attached, so that
counting starts with the first call of its life. It acknowledges each seal on a second pipe, as a
publisher would: what came through that pipe was promised.
"""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

from agent.sealing.key_slots import KeySlots
from agent.sealing.recovery import Recovery, Start
from agent.sealing.sealer import Sealer
from agent.store.gateway import GatewayStore
from evidence.chain import ChainState, Outcome
from evidence.seal import StoredSeal
from evidence.verify import accept
from tests.evidence.chains import GATEWAY, heartbeat, stamp
from tests.faults.invariants import Held, Witness, check

DATABASE: Final = "chain.db"
KEYS: Final = "keys"
QUOTA_BYTES: Final = 64 << 20
ACK_BYTES: Final = 40
FIRST_KEY: Final = 0
"""The number under which a child tells the first key."""
SEALS: Final = 3

Tell = Callable[[int, bytes], None]
Life = Callable[[Path, Tell], None]


def opened(
    folder: Path, quota_bytes: int = QUOTA_BYTES, gateway: str = GATEWAY
) -> tuple[GatewayStore, Sealer, Recovery]:
    """Store and sealer of `folder`, recovered: what every start does."""
    slots = KeySlots(folder / KEYS)
    hint = max((slot.number for slot in slots.load()), default=None) if slots.exists() else None
    store = GatewayStore(folder / DATABASE, quota_bytes, newest_hint=hint)
    sealer = Sealer(gateway, slots, store)
    try:
        return store, sealer, sealer.recover()
    except BaseException:
        store.close()
        raise


def made(folder: Path, seals: int) -> bytes:
    """A gateway in `folder` that has sealed and ended in order; its first key."""
    folder.mkdir(exist_ok=True)
    store, sealer, recovery = opened(folder)
    for number in range(seals):
        sealer.seal([heartbeat(number)] * 20, stamp(number))
    store.close()
    return recovery.next_key


def sealing(folder: Path, tell: Tell, seals: int = SEALS) -> None:
    """One life: start, some seals of which one carries riders, an orderly end."""
    store, sealer, recovery = opened(folder)
    if recovery.start is Start.NEW:
        tell(FIRST_KEY, recovery.next_key)
    for number in range(seals):
        if number == 1:
            store.put_checkpoint("detector", bytes(9_000))
        seal = sealer.seal([heartbeat(number)] * 40, stamp(number))
        tell(seal.number, seal.hash)
    store.close()


@frozen
class Lived:
    """What a child left: its acknowledgements in order, its exit code (negative for a signal)."""

    acknowledged: tuple[tuple[int, bytes], ...]
    code: int

    def witness(self, seen: Witness | None = None) -> Witness:
        """What was promised, added to what was promised before."""
        seen = Witness() if seen is None else seen
        for number, digest in self.acknowledged:
            if number != FIRST_KEY:
                seen.acknowledged(number, digest)
        return seen


class Child:
    """A forked process that waits for `go` before it lives `life` in `folder`."""

    def __init__(self, folder: Path, life: Life = sealing) -> None:
        go_reader, self._go = os.pipe()
        self._told, told_writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            os.close(self._told)
            _live(folder, life, go_reader, told_writer)
        os.close(go_reader)
        os.close(told_writer)
        self._raw = b""

    def go(self) -> None:
        """Let it begin."""
        os.write(self._go, b"g")

    def wait_for(self, acknowledgements: int) -> None:
        """Wait until it has acknowledged that many, or died."""
        while len(self._raw) < acknowledgements * ACK_BYTES and (piece := os.read(self._told, ACK_BYTES)):
            self._raw += piece

    def acknowledged(self) -> tuple[tuple[int, bytes], ...]:
        """What it has acknowledged up to now."""
        os.set_blocking(self._told, False)
        try:
            while piece := os.read(self._told, 1 << 16):
                self._raw += piece
        except BlockingIOError:
            pass
        finally:
            os.set_blocking(self._told, True)
        return _acknowledgements(self._raw)

    def end(self) -> Lived:
        """Wait for its death; what it left."""
        while piece := os.read(self._told, 1 << 16):
            self._raw += piece
        os.close(self._told)
        os.close(self._go)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return Lived(_acknowledgements(self._raw), code)


def _acknowledgements(raw: bytes) -> tuple[tuple[int, bytes], ...]:
    return tuple(
        (int.from_bytes(raw[at : at + 8], "big"), raw[at + 8 : at + ACK_BYTES])
        for at in range(0, len(raw), ACK_BYTES)
    )


def _live(folder: Path, life: Life, go_reader: int, told_writer: int) -> None:
    code = 1
    try:
        os.read(go_reader, 1)
        life(folder, lambda number, digest: void(os.write(told_writer, number.to_bytes(8, "big") + digest)))
        code = 0
    except Exception as error:  # noqa: BLE001 - the process ends as the agent would: with a line and a code
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        code = 3
    finally:
        os._exit(code)


def void(_: object) -> None:
    """Forget a result."""


@contextmanager
def traced(pid: int, options: Sequence[str], log: Path | None = None) -> Iterator[None]:
    """strace on a process that runs already; it may be another's child."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    call = ["strace", "-f", "-p", str(pid), "-o", str(log or "/dev/null"), *options]
    strace = subprocess.Popen(call, stderr=subprocess.PIPE, text=True)
    assert strace.stderr is not None
    first = strace.stderr.readline()
    if "attached" not in first:
        strace.wait()
        pytest.skip(f"needs the right to trace: {first.strip()}")
    try:
        yield
    finally:
        if strace.poll() is None:
            strace.terminate()
        strace.stderr.read()
        strace.stderr.close()
        strace.wait()


def lived_under(folder: Path, options: Sequence[str], life: Life = sealing, log: Path | None = None) -> Lived:
    """A whole life under strace with `options`."""
    child = Child(folder, life)
    try:
        with traced(child.pid, options, log):
            child.go()
            return child.end()
    except BaseException:
        child.go()  # a skip: let it end by itself
        raise


def calls_of(
    folder: Path, log: Path, life: Life = sealing, only: Path | None = None
) -> list[tuple[str, int]]:
    """Every system call of a life (on one file), in order, with how often that call has been made by then."""
    lived = lived_under(folder, ["-e", "trace=all", *(["-P", str(only)] if only else [])], life, log)
    assert lived.code == 0
    found: list[tuple[str, int]] = []
    count: Counter[str] = Counter()
    own = log.read_text("utf-8", "replace").split(maxsplit=1)[0]
    for line in log.read_text("utf-8", "replace").splitlines():
        match = re.match(rf"{own} +([a-z_0-9]+)\(", line)
        if match:
            count[match[1]] += 1
            found.append((match[1], count[match[1]]))
    return [call for call in found if call[0] not in {"exit_group", "restart_syscall"}]


def judged(folder: Path, seen: Witness, first_key: bytes, gateway: str = GATEWAY) -> Recovery:
    """Recover, seal on, verify the whole chain from the first key, and check the invariants."""
    store, sealer, recovery = opened(folder, gateway=gateway)
    try:
        assert recovery.start is not Start.REKEY, recovery.reason
        seal = sealer.seal([heartbeat(77)], stamp(1))
        seen.acknowledged(seal.number, seal.hash)
        rows = verified(rows_of(store), first_key, gateway)
        check(seen, Held.of_rows(rows), Held.of_rows(rows))
    finally:
        store.close()
    return recovery


def rows_of(store: GatewayStore) -> list[StoredSeal]:
    """Every row, however many."""
    rows: list[StoredSeal] = []
    while piece := store.rows(rows[-1].number + 1 if rows else 1):
        rows += piece
    return rows


def verified(rows: Sequence[StoredSeal], first_key: bytes, gateway: str = GATEWAY) -> Sequence[StoredSeal]:
    """`rows`, each of which a stranger accepts."""
    state = ChainState.enrolled(gateway, first_key)
    for row in rows:
        verdict = accept(state, row.cose, row.body, None)
        assert verdict.outcome is Outcome.ACCEPTED, f"seal {row.number}: {verdict.findings}"
        assert (verdict.records is None) == (row.body is None), f"the body of seal {row.number} is wrong"
        state = verdict.state
    return rows
