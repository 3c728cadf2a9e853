"""A gateway in a process of its own that gathers a backlog and drains it, and says what that costs.

    python -m tests.faults.backlog FOLDER PORT SEALS METERS QUOTA_MB

Prints a JSON line when the backlog is there, then, once the broker has let it in and the centre holds all,
another. While it drains, a live seal is made every LIVE_EVERY sends. `live_sends` are the messages that were
sent between its commit and the message that carries it, `live_bodies` the old bodies among them, and
`chain_sends` the same as the first for seals that were made before the chain had caught up.
"""

import json
import sys
import time
from pathlib import Path
from typing import Final

from agent.host.health import read_health
from agent.uplink.delivery import Limits
from evidence.record import Kind
from evidence.seal import peek_header
from tests.faults.gateway_end import GatewayEnd
from wire import messages

LIVE_EVERY: Final = 50
"""Sends between two live seals: a hundred live seals while ten days drain."""
FAST: Final = 1e9
"""Bytes a second of old bodies: the product's own rate would make it hours."""
DEADLINE_S: Final = 3_000.0


def main() -> None:
    folder, port, seals, meters, quota_mb = Path(sys.argv[1]), *map(int, sys.argv[2:6])
    limits = Limits(backfill_bytes_per_s=FAST, settle_s=0.05)
    with GatewayEnd(folder, port, meters=meters, limits=limits, quota_mb=quota_mb) as end:
        begin_s, most = time.monotonic(), 0
        for number in range(seals):
            end.seal()
            if number % 500 == 0:
                most = max(most, read_health().resident_bytes)
        say(
            seals=end.outbox.tip,
            resident_bytes=max(most, read_health().resident_bytes),
            disk_bytes=sum(path.stat().st_size for path in (folder / "state").iterdir()),
            took_s=round(time.monotonic() - begin_s, 1),
        )
        drain(end)


def drain(end: GatewayEnd) -> None:
    """Until the centre holds everything, with live seals in between."""
    courier, outbox, store = end.gateway.courier, end.outbox, end.gateway.sealing.store
    carry, topics = courier.send, courier.topics
    sends, bodies, live_at, most = 0, 0, LIVE_EVERY, 0
    committed: dict[int, tuple[int, int, list[int]]] = {}
    live_sends: list[int] = []
    chain_sends: list[int] = []
    live_bodies: list[int] = []

    def send(token: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
        nonlocal sends, bodies
        sends, bodies = sends + 1, bodies + (topic == topics.body)
        coses: tuple[bytes, ...] = ()
        if topic == topics.seal:
            coses = (messages.decode_seal(payload).seal,)
        elif topic == topics.chain:
            coses = messages.decode_chain(payload)
        for number in {peek_header(cose).number for cose in coses} & committed.keys():
            before, bodies_before, waits = committed.pop(number)
            waits.append(sends - before)
            live_bodies.append(bodies - bodies_before)
        carry(token, topic, payload, retain=retain)

    courier.send = send
    begin_s = time.monotonic()
    while not end.delivered:
        assert time.monotonic() < begin_s + DEADLINE_S, f"{outbox.status()}"
        if sends >= live_at and outbox.received > 0:
            live_at = sends + LIVE_EVERY
            end.passed_s += end.interval_s
            end.read_all()
            caught_up = outbox.status().sent == outbox.tip
            committed[outbox.tip + 1] = sends, bodies, live_sends if caught_up else chain_sends
            end.gateway.tick(end.stamp(), time.monotonic())
            most = max(most, read_health().resident_bytes)
        end.pump()
        time.sleep(0.001)
    say(
        seals=outbox.tip,
        sends=sends,
        live_sends=max(live_sends, default=0),
        live_bodies=max(live_bodies, default=0),
        chain_sends=max(chain_sends, default=0),
        live=len(live_sends) + len(chain_sends),
        resident_bytes=max(most, read_health().resident_bytes),
        took_s=round(time.monotonic() - begin_s, 1),
        declared=len(end.bodies(Kind.DROP)),
        first=store.first_number(),
    )


def say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
