"""`make city`: a city of 1,000 gateways for two minutes, with a killed verifier and a killed broker.

    python -m tests.fleet.city [--gateways N] [--seals N] [--storm SECONDS [--seed N]] [--json]

mosquitto, PostgreSQL, two verifiers, the city's page, and a fleet that plays chains which the agent's sealer
has made and its outbox delivers. One verifier is killed and comes back; then the broker. At the end the store
is compared with every receipt that a gateway got. Exit 1 where a row misses its target or a part is absent.

With `--storm` verifiers, broker and database are killed and stopped at random for so long instead
(`tests.fleet.storm`), and nothing that was receipted may be missing.
"""

import argparse
import sys
import time
from typing import Any, Final

from tests.fleet.audit import audit
from tests.fleet.player import CONNECTS_PER_S
from tests.fleet.processes import Centre, Fleet, begin_verifiers, centre
from tests.fleet.storm import play_storm
from tests.fleet.table import Row, count_seals, first_after, list_losses, quantile, say, show

INTERVAL_S: Final = 10.0
KILL: Final = 0.2
BACK: Final = 0.45
OUTAGE: Final = 0.6
"""Of the play: a verifier is killed and comes back, the broker is killed."""
OUTAGE_S: Final = 10.0
QUIET_P99_S: Final = 1.0
TAKEOVER_S: Final = 30.0
RETURN_S: Final = 60.0
"""Targets: receipts while nothing fails; the gateways of a dead verifier; all of them after the broker."""


def play(town: Centre, fleet: Fleet, seals: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two minutes; what the fleet has seen, and the moments of what was done to it."""
    length_s = fleet.plan.gateways / CONNECTS_PER_S + seals * INTERVAL_S
    names = set(town.verifiers)
    town.until(lambda: all(map(town.owned_by, names)), "both verifiers have gateways")
    begin_s = fleet.begin()

    def wait(part: float, more_s: float = 0.0) -> None:
        time.sleep(max(begin_s + part * length_s + more_s - time.monotonic(), 0.0))

    wait(KILL)
    owned = town.owned_by("verifier-2")
    killed_s = town.kill_verifier("verifier-2")
    wait(BACK)
    town.start_verifier("verifier-2", "--slices", "auto")
    wait(OUTAGE)
    town.kill_broker()
    wait(OUTAGE, OUTAGE_S)
    town.start_broker()
    back_s = time.monotonic()
    result = fleet.result()
    return result, {"begin_s": begin_s, "owned": owned, "killed_s": killed_s, "back_s": back_s}


def judge(town: Centre, result: dict[str, Any], moments: dict[str, Any]) -> list[Row]:
    """The rows of the table."""
    cpu_s = town.cpu_s()
    for part in town.verifiers.values():
        part.must_live()
    checked = audit(town.place, result)
    gateways = result["gateways"]
    made, got = count_seals(result)
    quiet = [
        wait_s
        for one in gateways.values()
        for wait_s, at_s in zip(one["waits_s"], one["receipted_s"], strict=True)
        if at_s < moments["killed_s"]
    ]
    takeover_s = first_after(result, moments["owned"], moments["killed_s"] + 1.0)
    return_s = first_after(result, gateways, moments["back_s"])
    p99_s = quantile(quiet, 0.99)
    named, _ = town.look_at_page()
    rows = [
        Row("gateways", f"{len(gateways)}", "all", all(one["made"] for one in gateways.values())),
        Row("seals receipted", f"{got} of {made}", "all", got == made),
        *list_losses(checked),
        Row("gateways on the city's page", f"{named}", "all", named == len(gateways)),
        Row("p50 to the receipt, before the kill", f"{quantile(quiet, 0.5):.3f} s"),
        Row("p99", f"{p99_s:.3f} s", f"<= {QUIET_P99_S:g} s", p99_s <= QUIET_P99_S),
        Row(
            f"{len(moments['owned'])} gateways of the killed verifier",
            f"{takeover_s:.1f} s",
            f"<= {TAKEOVER_S:g} s",
            takeover_s <= TAKEOVER_S and bool(moments["owned"]),
        ),
        Row("all, after the broker", f"{return_s:.1f} s", f"<= {RETURN_S:g} s", return_s <= RETURN_S),
    ]
    rows += [
        Row(f"CPU a seal: {kind}", f"{spent / max(got, 1) * 1e3:.2f} ms") for kind, spent in cpu_s.items()
    ]
    return [*rows, Row("CPU a seal: the fleet itself", f"{result['cpu_s'] / max(got, 1) * 1e3:.2f} ms")]


def main() -> None:
    """The city; see the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gateways", type=int, default=1_000)
    parser.add_argument("--seals", type=int, default=12)
    parser.add_argument("--storm", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    call = parser.parse_args()
    if call.storm:
        sys.exit(show(play_storm(call.gateways, call.storm, call.seed), as_json=call.json))
    with centre(call.gateways) as town:
        say(f"{call.gateways} gateways: chains are made, two verifiers enrol them")
        fleet = town.fleet(gateways=call.gateways, seals=call.seals, interval_s=INTERVAL_S)
        begin_verifiers(town, fleet, "verifier-1", "verifier-2")
        town.start_page()
        say(f"{call.seals * INTERVAL_S:.0f} s: one verifier is killed and comes back, then the broker")
        code = show(judge(town, *play(town, fleet, call.seals)), as_json=call.json)
    sys.exit(code)


if __name__ == "__main__":
    main()
