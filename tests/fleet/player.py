"""Plays a fleet of gateways against a broker, in one process and one thread.

    python -m tests.fleet.player PLAN

PLAN is a JSON file (`Plan`). The chains are made first; then {"ready": …} is printed, and a line on standard
input begins the play, with another interval if it names one. Seals of all gateways are spread evenly over
each interval. After the last one it waits until all are receipted, at most `drain_s`. The result is written
beside the plan, as PLAN.result: what was receipted of each gateway, and how long each seal waited for it.
"""

import heapq
import json
import random
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Any, Final

from attrs import asdict, define, evolve, field, frozen

from tests.fleet.chains import make_chain, name_of
from tests.fleet.gateway import Gateway
from tests.fleet.mqtt import KEEPALIVE_S

TICK_S: Final = 1.0
"""Between two looks of a gateway at what is due when nothing comes."""
RETRY_S: Final = 2.0
"""Up to this long, at random, a gateway waits before it connects again."""
READ_BYTES: Final = 65_536
POLL_S: Final = 0.2
CONNECTS_PER_S: Final = 200
"""A broker takes so many; a city does not begin in one moment."""


@frozen
class Plan:
    """What is played.

    Attributes:
        first, gateways: Number of the first one, and how many.
        backlog: Seals that each has made before its first connection.
        seals: Those that it makes afterwards, one in `interval_s`.
        readings: In each seal.
    """

    port: int
    centre_key: str
    first: int = 0
    gateways: int = 1_000
    backlog: int = 0
    seals: int = 12
    interval_s: float = 10.0
    readings: int = 20
    drain_s: float = 60.0


@define
class Player:
    """See the module."""

    plan: Plan
    gateways: list[Gateway] = field(factory=list)
    _selector: selectors.BaseSelector = field(factory=selectors.DefaultSelector)
    _sockets: dict[int, socket.socket] = field(factory=dict)  # by the gateway's index
    _due: list[tuple[float, int, str]] = field(factory=list)
    _pinged_s: dict[int, float] = field(factory=dict)
    connects: int = 0

    def prepare(self) -> None:
        """Make the chains."""
        plan, key = self.plan, bytes.fromhex(self.plan.centre_key)
        for number in range(plan.first, plan.first + plan.gateways):
            chain = make_chain(name_of(number), plan.backlog + plan.seals, plan.readings)
            self.gateways.append(Gateway(chain, key))

    def play(self) -> None:
        """From the first connection to the last receipt."""
        plan, begin_s = self.plan, time.monotonic()
        for index, gateway in enumerate(self.gateways):
            for _ in range(plan.backlog):
                gateway.seal(begin_s, is_live=False)
            heapq.heappush(self._due, (begin_s + index / CONNECTS_PER_S, index, "connect"))
            first_s = begin_s + plan.gateways / CONNECTS_PER_S + plan.interval_s * index / plan.gateways
            for number in range(plan.seals):
                heapq.heappush(self._due, (first_s + number * plan.interval_s, index, "seal"))
        end_s = begin_s + plan.gateways / CONNECTS_PER_S + plan.seals * plan.interval_s + plan.drain_s
        while time.monotonic() < end_s and not all(self._is_done(one) for one in self.gateways):
            self._turn()

    def _is_done(self, gateway: Gateway) -> bool:
        return gateway.receipted == self.plan.backlog + self.plan.seals

    def _turn(self) -> None:
        now_s = time.monotonic()
        while self._due and self._due[0][0] <= now_s:
            _, index, what = heapq.heappop(self._due)
            self._do(index, what, now_s)
            now_s = time.monotonic()
        wait_s = min(self._due[0][0] - now_s if self._due else POLL_S, POLL_S)
        for key, mask in self._selector.select(max(wait_s, 0.0)):
            if mask & selectors.EVENT_READ:
                self._receive(key.data)
            if mask & selectors.EVENT_WRITE and key.data in self._sockets:
                self._flush(key.data)

    def _do(self, index: int, what: str, now_s: float) -> None:
        gateway = self.gateways[index]
        if what == "connect":
            self._connect(index, now_s)
        elif what == "seal":
            gateway.seal(now_s)
        elif index in self._sockets:  # tick
            if now_s - self._pinged_s[index] > KEEPALIVE_S / 2 and gateway.connection is not None:
                self._pinged_s[index] = now_s
                gateway.connection.ping()
            heapq.heappush(self._due, (now_s + TICK_S, index, "tick"))
        if index in self._sockets:
            gateway.send(now_s)
            self._flush(index)

    def _connect(self, index: int, now_s: float) -> None:
        try:
            sock = socket.create_connection(("127.0.0.1", self.plan.port), timeout=POLL_S)
        except OSError:
            self._again(index, now_s)
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connects += 1
        self._sockets[index], self._pinged_s[index] = sock, now_s
        self.gateways[index].connect()
        self._selector.register(sock, selectors.EVENT_READ, index)
        heapq.heappush(self._due, (now_s + TICK_S, index, "tick"))

    def _again(self, index: int, now_s: float) -> None:
        heapq.heappush(self._due, (now_s + random.uniform(RETRY_S / 2, RETRY_S), index, "connect"))

    def _lose(self, index: int) -> None:
        now_s, sock = time.monotonic(), self._sockets.pop(index)
        self._selector.unregister(sock)
        sock.close()
        self.gateways[index].disconnect(now_s)
        self._again(index, now_s)

    def _receive(self, index: int) -> None:
        gateway, now_s = self.gateways[index], time.monotonic()
        try:
            data = self._sockets[index].recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or gateway.connection is None:
            self._lose(index)
            return
        for event in gateway.connection.feed(data):
            gateway.take(event, now_s)
        gateway.send(now_s)
        self._flush(index)

    def _flush(self, index: int) -> None:
        connection, sock = self.gateways[index].connection, self._sockets[index]
        if connection is None:
            return
        try:
            if connection.outgoing:
                del connection.outgoing[: sock.send(connection.outgoing)]
        except BlockingIOError:
            pass
        except OSError:
            self._lose(index)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.outgoing else 0)
        if self._selector.get_key(sock).events != wanted:
            self._selector.modify(sock, wanted, index)

    def result(self) -> dict[str, Any]:
        """What was receipted, with the moments as seconds of CLOCK_MONOTONIC, which all processes share."""
        return {
            "plan": asdict(self.plan),
            "connects": self.connects,
            "cpu_s": time.process_time(),
            "gateways": {
                one.chain.name: {
                    "made": one.played,
                    "receipted": one.receipted,
                    "hash": one.chain.seals[one.receipted - 1].hash.hex() if one.receipted else "",
                    "alarms": one.alarms,
                    "waits_s": one.waits_s,
                    "receipted_s": one.receipted_s,
                    "live_s": one.live_s,
                    "live_left": len(one.live),
                }
                for one in self.gateways
            },
        }


def main() -> None:
    """Play the plan that is named."""
    path = Path(sys.argv[1])
    player = Player(Plan(**json.loads(path.read_text("utf-8"))))
    player.prepare()
    sys.stdout.write(json.dumps({"ready": len(player.gateways)}) + "\n")
    sys.stdout.flush()
    if interval_s := sys.stdin.readline().strip():
        player.plan = evolve(player.plan, interval_s=float(interval_s))
    player.play()
    path.with_suffix(".result").write_text(json.dumps(player.result()), "utf-8")


if __name__ == "__main__":
    main()
