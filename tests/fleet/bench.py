"""`make bench-fleet`: the centre against its targets, and what 10,000 and 100,000 gateways need.

    python -m tests.fleet.bench [--scale 1.0] [--only NAME] [--json]

Fleets of chains that the agent's sealer has made and its outbox delivers, over mosquitto. `--scale 0.1` plays
a tenth of the gateways, to try the bench itself; its figures prove nothing. Exit 1 where a row misses its
target or was not measured. All of it takes twenty minutes on two cores that have nothing else to do.

    cpu       a seal in the core and its store, without sockets; readings are left to consumers
    live      one process and a file, 1,000 gateways at a seal in 10 s; then SIGKILL, and a start
    many      the same with 3,000
    overload  twice the seals that it can take, from 3,000 gateways
    backlog   ten minutes without a centre: 1,000 gateways with 60 seals each, beside their live ones
    two       two verifiers on PostgreSQL, one killed in the midst of a backlog
    disk      a full disk, and room again
    hour      the evidence of one hour out of 1, 10 and 100 days
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from centre.core import Centre as Core
from centre.core import Incoming
from centre.store.sqlite import SqliteStore
from tests.fleet.audit import audit
from tests.fleet.chains import make_chain, name_of
from tests.fleet.full_disk import measure_full_disk
from tests.fleet.hour import measure_hour
from tests.fleet.load import measure_backlog, measure_overload
from tests.fleet.processes import SECRET, SUBSCRIBER, await_connected, begin_alone, begin_verifiers, centre
from tests.fleet.table import Row, count_seals, first_after, quantile, say, show
from wire import messages
from wire.messages import Topics

INTERVAL_S: Final = 10.0
NOW_MS: Final = 1_767_268_800_000


def measure_cpu(_: float) -> list[Row]:
    """Milliseconds of the processor for a seal with its body, a batch of 200 gateways in a commit."""
    rows = []
    for readings, wanted_ms in ((20, 1.2), (200, 2.0)):
        chains = [make_chain(name_of(number), 4, readings) for number in range(200)]
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(SqliteStore(Path(folder) / "centre.db")) as store,
        ):
            for one in chains:
                store.enrol(one.name, one.first_key)
            core, begin_s = Core(store, SECRET, decodes=False), 0.0
            for number in range(4):
                batch = [
                    Incoming(
                        Topics(one.name).seal,
                        messages.encode_seal(one.seals[number].cose, one.seals[number].body or b""),
                    )
                    for one in chains
                ]
                if number == 1:  # the first seal has the manifest
                    begin_s = time.process_time()
                core.handle(batch, NOW_MS)
            took_ms = (time.process_time() - begin_s) / (3 * len(chains)) * 1e3
        rows.append(
            Row(
                f"CPU a seal of {readings} readings",
                f"{took_ms:.2f} ms",
                f"<= {wanted_ms:g} ms",
                took_ms <= wanted_ms,
            )
        )
    return rows


def p99_of(result: dict[str, Any]) -> float:
    """The 99 % quantile of the waits for a receipt."""
    return quantile((wait_s for one in result["gateways"].values() for wait_s in one["waits_s"]), 0.99)


def measure_live(scale: float) -> list[Row]:
    """One process and a file, as many as it is for."""
    count = int(1_000 * scale)
    with centre(count, is_shared=False) as town:
        fleet = town.fleet(gateways=count, interval_s=INTERVAL_S, seals=6)
        begin_alone(town, fleet)
        fleet.begin()
        result = fleet.result()
        made, got = count_seals(result)
        p99_s = p99_of(result)
        spent = town.cpu_s()
        checked = audit(town.place, result)
        stored = sum(file.stat().st_size for file in town.folder.glob("centre.db*") if file.is_file())
        town.kill_verifier(SUBSCRIBER)
        town.start_verifier(SUBSCRIBER)
        ready_s = await_connected(town, 2)
    size = stored / max(checked.seals, 1)
    return [
        Row(
            f"{count} gateways, one process: receipted",
            f"{got} of {made}",
            "all",
            got == made and checked.is_good,
        ),
        Row("p99 to the receipt", f"{p99_s:.2f} s", "<= 1 s", p99_s <= 1.0),
        Row("ready after SIGKILL", f"{ready_s:.1f} s", "<= 10 s", ready_s <= 10.0),
        Row("bytes on the disk a seal", f"{size:.0f}", "<= 1900", size <= 1_900),
        Row(
            "CPU a seal of the whole process, with its lines",
            f"{spent['verifiers'] / max(got, 1) * 1e3:.2f} ms",
        ),
    ]


def measure_many(scale: float) -> list[Row]:
    """Three times as many as it is for."""
    count = int(3_000 * scale)
    with centre(count, is_shared=False) as town:
        fleet = town.fleet(gateways=count, interval_s=INTERVAL_S, seals=4, drain_s=120.0)
        begin_alone(town, fleet)
        fleet.begin()
        result = fleet.result()
    made, got = count_seals(result)
    p99_s = p99_of(result)
    return [
        Row(f"{count} gateways, one process: receipted", f"{got} of {made}", "all", got == made),
        Row("p99 to the receipt", f"{p99_s:.2f} s", "<= 10 s", p99_s <= 10.0),
    ]


def measure_two(scale: float) -> list[Row]:
    """Two verifiers, one killed in the midst of a backlog; and what cities need by their processor time."""
    count = max(int(200 * scale), 4)
    with centre(count) as town:
        fleet = town.fleet(gateways=count, interval_s=INTERVAL_S, backlog=60, seals=6, drain_s=300.0)
        begin_verifiers(town, fleet, "verifier-1", "verifier-2")
        fleet.begin()
        time.sleep(5.0)
        owned = town.owned_by("verifier-2")
        killed_s = town.kill_verifier("verifier-2")
        result = fleet.result()
        spent, checked = town.cpu_s(), audit(town.place, result)
    made, got = count_seals(result)
    takeover_s = first_after(result, owned, killed_s + 1.0)
    return [
        Row("two verifiers, one killed: receipted", f"{got} of {made}", "all", got == made),
        Row(
            "lost, doubled, forked",
            str(checked.missing + checked.doubles + checked.forks),
            "0",
            checked.is_good,
        ),
        Row("its gateways are answered", f"{takeover_s:.1f} s", "<= 30 s", takeover_s <= 30.0),
        *(need(gateways, spent, got) for gateways in (10_000, 100_000)),
    ]


def need(gateways: int, spent_s: dict[str, float], seals: int) -> Row:
    """Cores that a city takes at a seal in INTERVAL_S, by what was measured."""
    cores = {kind: one / max(seals, 1) * gateways / INTERVAL_S for kind, one in spent_s.items()}
    return Row(
        f"cores for {gateways}", " ".join(f"{kind[:5]} {one:.1f}" for kind, one in sorted(cores.items()))
    )


PARTS: Final[dict[str, Callable[[float], list[Row]]]] = {
    "cpu": measure_cpu,
    "live": measure_live,
    "many": measure_many,
    "overload": measure_overload,
    "backlog": measure_backlog,
    "two": measure_two,
    "disk": measure_full_disk,
    "hour": measure_hour,
}


def main() -> None:
    """Every part, or those that are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", choices=list(PARTS), action="append")
    parser.add_argument("--json", action="store_true")
    call = parser.parse_args()
    rows: list[Row] = []
    for name in call.only or PARTS:
        say(name)
        rows += PARTS[name](call.scale)
    sys.exit(show(rows, as_json=call.json))


if __name__ == "__main__":
    main()
