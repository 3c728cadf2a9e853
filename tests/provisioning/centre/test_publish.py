"""`dianjian centre publish`: every line comes to a real broker's readers, whoever was away or killed."""

import json
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from attrs import define, field
from click.testing import CliRunner

from centre.consumer import Consumer, Wanted
from drivers.clock import SystemClock
from provisioning.cli import cli
from provisioning.demo.broker import Broker, find_free_port, start_mosquitto
from tests.centre.test_core import opened
from tests.centre.test_feed import NOW_MS, chapters, fresh
from wire.mqtt_events import Connected, Message, MqttEvent
from wire.mqtt_settings import MqttSettings
from wire.publisher import Publisher

WAIT_S = 60


@define
class Reader:
    """Another program that reads the topic."""

    port: int
    events: "queue.SimpleQueue[MqttEvent]" = field(factory=queue.SimpleQueue)
    messages: list[Message] = field(factory=list)
    client: Publisher = field(init=False)

    def __attrs_post_init__(self) -> None:
        settings = MqttSettings("127.0.0.1", self.port, "reader", subscriptions=("city/#",))
        self.client = Publisher(settings, SystemClock(), self.events.put)
        self.client.start()
        self.until(lambda event: isinstance(event, Connected))

    def until(self, holds: Callable[[MqttEvent], bool]) -> None:
        while True:
            event = self.events.get(timeout=WAIT_S)
            if isinstance(event, Message):
                self.messages.append(event)
            if holds(event):
                return

    def keys(self) -> list[str]:
        return [json.loads(one.payload)["key"] for one in self.messages]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    store, centre = opened(fresh(tmp_path))
    with closing(store):
        centre.handle(chapters(), NOW_MS)
        yield tmp_path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    one = start_mosquitto(find_free_port(), tmp_path / "broker")
    yield one
    one.stop()


def wanted(place: Path) -> list[str]:
    return [line["key"] for line in Consumer(place / "centre.db", Wanted()).read()[1]]


def call(port: int, *more: str) -> tuple[int, str]:
    words = ["--store", "centre.db", "--broker", f"mqtt://127.0.0.1:{port}", "--cursor", "place"]
    done = CliRunner().invoke(cli, ["--lang", "en", "centre", "publish", *words, *more])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output + done.stderr


def test_every_line_comes_once_in_order_under_its_gateway_and_type(place: Path, broker: Broker) -> None:
    reader, keys = Reader(broker.port), wanted(place)
    try:
        assert call(broker.port, "--topic", "city/lines") == (0, "")
        reader.until(lambda _: len(reader.messages) == len(keys))
        assert reader.keys() == keys
        for one in reader.messages:
            line = json.loads(one.payload)
            assert one.topic == f"city/lines/{line['gateway']}/{line['type']}"
        assert call(broker.port, "--topic", "city/lines") == (0, ""), "nothing is new"
        (place / "place").unlink()
        assert call(broker.port, "--topic", "city/again", "--type", "finding") == (0, "")
        reader.until(lambda _: reader.messages[-1].topic.startswith("city/again"))
        assert {one.topic for one in reader.messages[len(keys) :]} == {"city/again/gw-7/finding"}
    finally:
        reader.client.stop()


def test_it_waits_for_a_broker_that_is_away_and_a_kill_loses_nothing(place: Path) -> None:
    port, keys = find_free_port(), wanted(place)
    command = [
        *(sys.executable, "-m", "provisioning.cli", "--lang", "en", "centre", "publish", "--follow"),
        *("--store", "centre.db", "--broker", f"mqtt://127.0.0.1:{port}"),
        *("--cursor", "place", "--topic", "city"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert "the broker is away" in process.stderr.readline()
        assert not (place / "place").exists()
        process.send_signal(signal.SIGKILL)
    broker = start_mosquitto(port, place / "broker")
    reader = Reader(port)
    try:
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            reader.until(lambda _: len(reader.messages) >= len(keys))
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_S)
        assert process.returncode == 0
        assert set(reader.keys()) == set(keys)
    finally:
        reader.client.stop()
        broker.stop()


@pytest.mark.parametrize("topic", ["", "dj/1/gw-7", "dj", "a/+", "#", "$SYS/x", "a\nb", "/a", "x" * 1_001])
@pytest.mark.usefixtures("place")
def test_no_topic_of_the_gateways_or_of_brokers_is_published_to(topic: str) -> None:
    code, said = call(1, "--topic", topic)
    assert (code, "--topic:" in said) == (2, True)


def test_the_cursor_of_another_store_is_refused(place: Path) -> None:
    (place / "place").write_text("00000000-1-1\n")
    code, said = call(1, "--topic", "city")
    assert (code, "is no cursor of this store" in said) == (2, True)
