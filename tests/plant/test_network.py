"""The simulated connection and broker keep the same contract as the real publisher with mosquitto."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from centre.answers import Answer
from centre.subscriber import SUBSCRIPTIONS
from tests.plant.network import TOPICS, Broker, Link
from tests.wire import ends
from tests.wire.conftest import BrokerBench
from wire.messages import BEACON
from wire.mqtt_events import Acked, Connected, Disconnected, Message, MqttEvent

WAIT_S = 20.0
MANY = 30


class Line(Protocol):
    """A gateway's connection, a broker, and somebody at the other end."""

    events: list[MqttEvent]
    arrived: list[bytes]

    def turn(self) -> None: ...
    def publish(self, token: int, topic: str, payload: bytes) -> None: ...
    def answer(self, payload: bytes) -> None: ...
    def break_down(self) -> None: ...
    def mend(self) -> None: ...


class Simulated:
    """As the simulation uses it."""

    def __init__(self) -> None:
        self.events: list[MqttEvent] = []
        self.arrived: list[bytes] = []
        self.broker = Broker(random.Random(1))
        self.link = Link(self.broker, lambda *_: None, random.Random(1))
        self.now_s = 0.0
        self.publish = self.link.publish

    def turn(self) -> None:
        self.now_s += 1.0
        self.link.turn(self.now_s)
        self.events += self.link.events
        self.link.events.clear()
        self.arrived += [one.payload for one in self.broker.delivery()]

    def answer(self, payload: bytes) -> None:
        self.broker.answer(Answer(TOPICS.receipt, payload))

    def break_down(self) -> None:
        self.broker.up = False

    def mend(self) -> None:
        self.broker.up = True

    def close(self) -> None:
        """Nothing is held."""


class Real:
    """The publisher of the agent and that of the subscriber, with mosquitto between them."""

    def __init__(self, folder: Path) -> None:
        self.events: list[MqttEvent] = []
        self.arrived: list[bytes] = []
        self.bench = BrokerBench("mosquitto", folder)
        port = self.bench.port
        self.gateway = ends.Link(ends.settings("gw-7", port, subscriptions=(TOPICS.receipt, BEACON)))
        self.centre = ends.Link(ends.settings("centre", port, subscriptions=SUBSCRIPTIONS))
        self.centre.__enter__()
        self.centre.expect(Connected)
        self.publish = self.gateway.publisher.publish
        self._started = False

    def turn(self) -> None:
        if not self._started:
            self.gateway.__enter__()
            self._started = True
        time.sleep(0.01)
        while not self.gateway.events.empty():
            self.events.append(self.gateway.events.get())
        while not self.centre.events.empty():
            event = self.centre.events.get()
            self.arrived += [event.payload] if isinstance(event, Message) else []

    def answer(self, payload: bytes) -> None:
        self.centre.publisher.publish(1, TOPICS.receipt, payload, retain=True)

    def break_down(self) -> None:
        self.bench.kill()

    def mend(self) -> None:
        self.bench.start()

    def close(self) -> None:
        self.gateway.__exit__(None, None, None)
        self.centre.__exit__(None, None, None)
        self.bench.stop()


@pytest.fixture(params=["simulated", "real"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    made = Simulated() if request.param == "simulated" else Real(tmp_path / "broker")
    yield made
    made.close()


def until(line: Line, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < deadline, f"{line.events} {line.arrived}"
        line.turn()


def of(line: Line, kind: type) -> list[MqttEvent]:
    return [event for event in line.events if isinstance(event, kind)]


def test_a_connect_is_said_before_the_retained_receipt(line: Line) -> None:
    line.answer(b"receipt")
    until(line, lambda: len(line.events) >= 2)
    first, second = line.events[:2]
    assert isinstance(first, Connected)
    assert second == Message(TOPICS.receipt, b"receipt", retained=True)


def test_every_message_is_answered_and_arrives_in_order_however_many_there_are(line: Line) -> None:
    until(line, lambda: bool(of(line, Connected)))
    sent = [b"%d" % number for number in range(MANY)]
    for number, payload in enumerate(sent):
        line.publish(number, TOPICS.seal, payload)
    until(line, lambda: len(of(line, Acked)) == MANY and len(line.arrived) == MANY)
    assert of(line, Acked) == [Acked(number, 0) for number in range(MANY)]
    assert line.arrived == sent


def test_an_answer_that_comes_now_is_not_called_retained(line: Line) -> None:
    until(line, lambda: bool(of(line, Connected)))
    line.answer(b"now")
    until(line, lambda: bool(of(line, Message)))
    assert of(line, Message) == [Message(TOPICS.receipt, b"now", retained=False)]


def test_the_end_of_a_connection_is_said_and_it_comes_again(line: Line) -> None:
    until(line, lambda: bool(of(line, Connected)))
    line.break_down()
    until(line, lambda: bool(of(line, Disconnected)))
    line.mend()
    until(line, lambda: len(of(line, Connected)) == 2)
    line.publish(7, TOPICS.seal, b"again")
    until(line, lambda: bool(of(line, Acked)))
    # 0x10 is a success too: the centre's own connection may not be back to subscribe yet.
    assert of(line, Acked) in ([Acked(7, 0)], [Acked(7, 0x10)])
