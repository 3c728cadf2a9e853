"""The two ends of the line, real but for their meters: a gateway that seals heartbeats, and a centre."""

import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from agent.sealing.key_slots import KeySlots
from agent.sealing.sealer import Sealer
from agent.store.gateway import GatewayStore
from agent.uplink.courier import Courier
from agent.uplink.delivery import Limits
from agent.uplink.outbox import Outbox
from centre.register import enrolment_line
from centre.store.contract import CentreStore
from centre.store.sqlite import SqliteStore
from centre.subscriber import Subscriber
from drivers.clock import Clock, SystemClock
from evidence import keys
from evidence.record import Kind, encode_record
from wire.messages import BEACON, Topics, encode_state
from wire.mqtt_events import MqttEvent
from wire.mqtt_settings import MqttSettings, TlsFiles, Will
from wire.publisher import Publisher

PATIENCE_S = 120.0
"""Nothing here takes a second; a loaded machine may."""
CENTRE_SECRET = bytes(range(32))
QUICK = Limits(settle_s=0.05, stall_s=0.5, stall_longest_s=1.0, resend_s=0.1, denied_s=0.2, busy_s=0.1)

Event = TypeVar("Event")


def settings(name: str, port: int, tls: TlsFiles | None = None, **more: Any) -> MqttSettings:
    more = {"reconnect_first_s": 0.05, "reconnect_longest_s": 0.2, "drain_s": 0.2, **more}
    return MqttSettings("127.0.0.1", port, name, tls, **more)


class Link:
    """A connection whose events can be waited for."""

    def __init__(self, how: MqttSettings, clock: Clock | None = None) -> None:
        self.events: queue.SimpleQueue[MqttEvent] = queue.SimpleQueue()
        self.publisher = Publisher(how, clock or SystemClock(), self.events.put)

    def __enter__(self) -> Self:
        self.publisher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.publisher.stop()
        assert not self.publisher.is_alive()

    def expect(self, kind: type[Event], within_s: float = PATIENCE_S) -> Event:
        """The next event of `kind`; others are passed by."""
        while True:
            event = self.events.get(timeout=within_s)
            if isinstance(event, kind):
                return event


class Gateway:
    """Sealer, store, outbox and connection of one gateway, turned by hand."""

    def __init__(
        self, directory: Path, name: str, port: int, tls: TlsFiles | None = None, **more: Any
    ) -> None:
        self.clock = SystemClock()
        self.store = GatewayStore(directory / f"{name}.db", 10 << 20)
        self.sealer = Sealer(name, KeySlots(directory / f"{name}.keys"), self.store)
        self.first_key = self.sealer.recover().next_key
        self.topics = Topics(more.pop("topics_of", name))
        last = self.store.last()
        self.outbox = Outbox(
            self.topics,
            received=(self.store.first_number() or 1) - 1,
            tip=0 if last is None else last.number,
            limits=QUICK,
        )
        state = encode_state(online=True, details={})
        will = Will(self.topics.state, encode_state(online=False, details={}))
        subscriptions = (self.topics.receipt, BEACON)
        self.link = Link(settings(name, port, tls, will=will, subscriptions=subscriptions, **more))
        self.courier = Courier(
            self.outbox,
            self.store,
            self.topics,
            keys.public(CENTRE_SECRET),
            self.link.publisher.publish,
            birth=state,
        )
        self.courier.resume(time.monotonic())

    def __enter__(self) -> Self:
        self.link.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.link.__exit__(None, None, None)
        self.store.close()

    def seal(self, count: int = 1) -> None:
        for _ in range(count):
            stamp = self.clock.stamp()
            self.outbox.on_sealed(self.sealer.seal([encode_record(Kind.HEARTBEAT, stamp, {})], stamp).number)

    def turn_until(self, done: Callable[[], bool]) -> None:
        """Work until `done`; fails when nothing comes of it."""
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < deadline, str(self.outbox.status())
            self.courier.tick(time.monotonic())
            try:
                event = self.link.events.get(timeout=0.02)
            except queue.Empty:
                continue
            self.courier.handle(event, self.clock.stamp(), time.monotonic())

    def deliver(self) -> None:
        """Work until the centre holds everything."""
        self.turn_until(lambda: self.outbox.status().bodies_up_to == self.outbox.tip)


class CentreEnd:
    """A subscriber in a thread of its own; its lines as objects."""

    def __init__(
        self,
        directory: Path,
        port: int,
        tls: TlsFiles | None = None,
        store: CentreStore | None = None,
        name: str = "centre",
    ) -> None:
        self.lines: list[dict[str, Any]] = []
        self.error: BaseException | None = None
        register = directory / "register.jsonl"
        register.touch()
        self.store = SqliteStore(directory / "centre.db") if store is None else store
        self.subscriber = Subscriber(
            settings(name, port, tls),
            self.store,
            directory / f"{name}.memory",
            register,
            CENTRE_SECRET,
            SystemClock(),
            lambda line: self.lines.append(json.loads(line)),
        )
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.subscriber.stop()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        assert self.error is None, self.error

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["type"] == kind]

    def await_lines(self, kind: str, number: int) -> list[dict[str, Any]]:
        """The lines of `kind` once there are `number` of them; a receipt is sent before its line."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.of(kind)) < number:
            assert time.monotonic() < deadline, f"{len(self.of(kind))} of {number} lines of {kind}"
            time.sleep(0.005)
        return self.of(kind)

    def _run(self) -> None:
        try:
            self.subscriber.run()
        except BaseException as error:  # noqa: BLE001 - told by the test, in its own thread
            self.error = error
        finally:
            self.store.close()


def enrol(directory: Path, gateway: Gateway) -> None:
    with (directory / "register.jsonl").open("a", encoding="utf-8") as file:
        file.write(enrolment_line(gateway.topics.gateway, gateway.first_key))
