"""How long the evidence of one hour takes out of 1, 10 and 100 days of one gateway, by the public command.

The gateway seals each SEAL_S with the agent's own sealer: a heartbeat, and in the hours that are asked for
the readings of twenty meters. The store takes the seals as the centre has accepted them, in large batches,
since how it accepts them is measured elsewhere; the command verifies whatever it packs.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from agent.sealing.sealer import Sealer
from centre.store.contract import Accepted
from centre.store.sqlite import SqliteStore
from evidence.record import Kind, encode_record
from evidence.seal import StoredSeal, peek_header
from tests.centre.test_core import manifest
from tests.evidence.chains import NOON_NS, MemorySlots, MemoryStore, secret, stamp
from tests.fleet.chains import first_key_of, reading
from tests.fleet.processes import SECRET
from tests.fleet.table import Row, say

GATEWAY: Final = "city-00000"
SEAL_S: Final = 10
READINGS: Final = 20
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
DAYS: Final = (1, 10, 100)
WANTED_S: Final = 5.0
ALIKE_S: Final = 1.0
"""That the longest may be slower than the shortest: the spread of a process that starts and loads numpy."""
RUNS: Final = 3
GIVE_UP_S: Final = 100.0
BATCH: Final = 1_000
NOON_S: Final = NOON_NS // 10**9


def measure_hour(scale: float) -> list[Row]:
    """Median seconds of the command, of the hour in the middle of so many days."""
    rows, first_s = [], 0.0
    seals = make_seals([int(days * scale * DAY_S) // 2 for days in DAYS])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = folder / "centre.key"
        key.touch(0o600)
        key.write_text(SECRET.hex() + "\n", "utf-8")
        for days in DAYS:
            length_s = int(days * scale * DAY_S)
            store_up_to(folder / "centre.db", seals, length_s // SEAL_S)
            took_s = measure_command(folder, length_s // 2)
            first_s = first_s or took_s
            wanted_s = min(WANTED_S, first_s + ALIKE_S)
            rows.append(
                Row(
                    f"evidence of an hour of {days * scale:g} days",
                    f"{took_s:.1f} s" if took_s < GIVE_UP_S else "none in time",
                    f"<= {wanted_s:.1f} s",
                    took_s <= wanted_s,
                )
            )
    return rows


def make_seals(hours_s: Sequence[int]) -> Iterator[StoredSeal]:
    """One gateway's chain without an end, made as it is asked for; readings are in the hours named."""
    slots, store = MemorySlots(), MemoryStore()
    slots.create(secret(1, GATEWAY))
    sealer = Sealer(GATEWAY, slots, store)  # type: ignore[arg-type]
    sealer.recover()
    number = 0
    while True:
        number += 1
        at_s = number * SEAL_S
        rows = [encode_record(Kind.HEARTBEAT, stamp(at_s), {"beat": number})]
        if any(begin_s <= at_s < begin_s + HOUR_S for begin_s in hours_s):
            rows += [reading(at_s + one / READINGS, one) for one in range(READINGS)]
        yield sealer.seal([*manifest(), *rows] if number == 1 else rows, stamp(at_s))
        store.seals.clear()
        store.commits.clear()


def store_up_to(path: Path, seals: Iterator[StoredSeal], last: int) -> None:
    """Put the seals up to `last` that the store does not have."""
    begin_s = time.monotonic()
    with closing(SqliteStore(path)) as store:
        if GATEWAY not in store.gateways():
            store.enrol(GATEWAY, first_key_of(GATEWAY))
        while (state := store.state(GATEWAY)).number < last:
            batch: list[Accepted] = []
            for seal in islice(seals, min(BATCH, last - state.number)):
                header = peek_header(seal.cose)
                state = state.after(header, seal.hash)
                batch.append(Accepted(state, seal.cose, seal.body, header.utc_ms))
            store.commit(batch)
    say(f"{last} seals of one gateway: {time.monotonic() - begin_s:.0f} s")


def measure_command(folder: Path, begin_s: int) -> float:
    """Median seconds; infinite where it does not end in time."""
    took_s = []
    for run in range(RUNS):
        out = folder / f"{begin_s}-{run}"
        ends = (NOON_S + begin_s, NOON_S + begin_s + HOUR_S)
        hours = [datetime.fromtimestamp(at_s, UTC).isoformat() for at_s in ends]
        call = ["evidence", "--store", folder / "centre.db", "--key", folder / "centre.key"]
        call += ["--gateway", GATEWAY, "--from", hours[0], "--to", hours[1], "--out", out]
        before_s = time.monotonic()
        try:
            subprocess.run(
                [sys.executable, "-m", "provisioning.cli", *map(str, call)],
                check=True,
                stdout=subprocess.DEVNULL,
                timeout=GIVE_UP_S,
                env={**os.environ, "PYTHONSAFEPATH": "1"},
            )
        except subprocess.TimeoutExpired:
            return float("inf")
        took_s.append(time.monotonic() - before_s)
        if took_s[0] > 2 * WANTED_S:
            break
    return statistics.median(took_s)
