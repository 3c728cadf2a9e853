"""`dianjian centre publish`: the lines that the centre has verified, on a topic of a broker for others.

    TOPIC/GATEWAY/TYPE     each line as JSON, QoS 1; of a line about no gateway GATEWAY is "centre"

Runs beside `dianjian subscribe` and needs no key. A piece of lines is published; once the broker has
acknowledged each of them, the file of the cursor says so. So whatever is killed or away when, each line comes
at least once, with the same `key` when it comes again. What an acknowledgement is worth is the broker's
affair: whoever must miss nothing reads the store.

The topic is none of the gateways' own: there, a receipt could be mistaken, and rights are the gateways'.
"""

import queue
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from threading import Event
from typing import Final

import click
from attrs import define, field

from centre.consumer import TYPES, Consumer, Wanted
from centre.feed import CursorError
from centre.json_lines import JsonLine, as_text
from centre.store.place import Place
from disk.database import StoreError
from disk.files import read_plain, replace_file
from drivers.clock import SystemClock
from evidence.words import Words
from provisioning.centre.options import FILE, STORE
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say
from provisioning.terminal.stopping import stopping
from provisioning.words.language import translate
from wire import messages
from wire.mqtt_events import FAILURE, Acked, Connected, Disconnected, MqttEvent
from wire.mqtt_settings import MqttSettings, MqttSettingsError, parse_broker
from wire.publisher import Publisher

POLL_S: Final = 0.5
"""Between two looks at the store, and until a stop is noticed."""
CURSOR_BYTES_MAX: Final = 100
TOPIC_BYTES_MAX: Final = 1_000
"""Longer topics leave no room for names below them that brokers take."""
CENTRE: Final = "centre"
WORDS: Final = {
    "topic": Words(
        "--topic：不能为空，不能含 +、#、控制字符，不能在 {root} 之下：{topic}",
        "--topic: neither empty, nor with + or # or controls, nor below {root}: {topic}",
    ),
    "cursor": Words(
        "{name} 不是此数据库的游标；请删除该文件从头开始，或恢复原数据库",
        "{name} is no cursor of this store; remove the file to begin anew, or bring the store back",
    ),
    "refused": Words(
        "消息服务器拒绝 {topic}（{code:#04x}），游标停在其前", "the broker refuses {topic} ({code:#04x}); "
        "the cursor stays before it"
    ),
    "away": Words("消息服务器连接中断：{why}；继续等待", "the broker is away: {why}; waiting for it"),
}  # fmt: skip


class RefusedError(Exception):
    """The broker refuses a line for good."""


@define
class Outlet:
    """Publishes pieces, each until the broker has acknowledged all of it."""

    topic: str
    settings: MqttSettings
    stop: Event
    _events: "queue.SimpleQueue[MqttEvent]" = field(factory=queue.SimpleQueue, init=False)
    _publisher: Publisher = field(init=False)
    _tokens: "count[int]" = field(factory=count, init=False)
    _is_connected: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._publisher = Publisher(self.settings, SystemClock(), self._events.put)
        self._publisher.start()

    def close(self) -> None:
        """Disconnect."""
        self._publisher.stop()

    def put(self, lines: Sequence[JsonLine]) -> bool:
        """Publish lines; whether the broker has all of them, False if it was stopped before.

        Raises:
            RefusedError: It takes one of them not at all.
        """
        waiting = {next(self._tokens): (self._name(line), as_text(line).encode()) for line in lines}
        if self._is_connected:
            self._send(waiting)
        while waiting and not self.stop.is_set():
            try:
                event = self._events.get(timeout=POLL_S)
            except queue.Empty:
                continue
            self._note(event, waiting)
        return not waiting

    def _note(self, event: MqttEvent, waiting: dict[int, tuple[str, bytes]]) -> None:
        if isinstance(event, Connected):
            self._is_connected = True
            self._send(waiting)  # what was on its way before is dropped with its connection
        elif isinstance(event, Disconnected):
            self._is_connected = False
            say(translate(WORDS["away"], why=event.reason), err=True)
        elif isinstance(event, Acked):
            topic, _ = waiting.pop(event.token, ("", b""))
            if topic and event.reason_code >= FAILURE:
                raise RefusedError(translate(WORDS["refused"], topic=topic, code=event.reason_code))

    def _send(self, waiting: dict[int, tuple[str, bytes]]) -> None:
        for token, (topic, payload) in waiting.items():
            self._publisher.publish(token, topic, payload)

    def _name(self, line: JsonLine) -> str:
        return f"{self.topic}/{line['gateway'] or CENTRE}/{line['type']}"


@click.command("publish", short_help="what the centre verified, on a topic of a broker")
@STORE
@click.option("--broker", required=True, metavar="URL", help="mqtts://host:port, or mqtt:// on this machine.")
@click.option("--topic", required=True, help="Lines go to TOPIC/GATEWAY/TYPE; none of the gateways' own.")
@click.option(
    "--cursor", required=True, type=FILE, help="Begin where this file says, and keep it up to date."
)
@click.option("--gateway", "gateways", multiple=True, metavar="NAME", help="This gateway; may be repeated.")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="Lines of this type.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until SIGTERM or ctrl-C.")
@click.option("--ca", type=FILE, help="Certificate of the authority that signed the broker's.")
@click.option("--certificate", type=FILE, help="Own client certificate.")
@click.option("--certificate-key", type=FILE, help="Its key.")
@click.option("--client-id", default="lines", show_default=True, help="One for each process.")
def publish(
    store: Place,
    broker: str,
    topic: str,
    cursor: Path,
    gateways: tuple[str, ...],
    types: tuple[str, ...],
    follow: bool,
    ca: Path | None,
    certificate: Path | None,
    certificate_key: Path | None,
    client_id: str,
) -> None:
    """Publish the verified lines of the centre's store, each at least once, with its `key`."""
    _check_topic(topic)
    try:
        address = parse_broker(broker, ca, certificate, certificate_key)
        settings = MqttSettings(address.host, address.port, client_id, address.tls, session_expiry_s=0)
        consumer = Consumer(store, Wanted(frozenset(gateways), frozenset(types)))
        if cursor.exists():
            consumer.go_to(read_plain(cursor, CURSOR_BYTES_MAX).decode("utf-8", "replace"))
    except (MqttSettingsError, StoreError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except CursorError as error:
        raise fail(EXIT_USAGE, translate(WORDS["cursor"], name=cursor)) from error
    with stopping() as stop:
        outlet = Outlet(topic, settings, stop)
        try:
            _run(consumer, outlet, cursor, follow=follow)
        except RefusedError as error:
            raise fail(EXIT_OUTSIDE, str(error)) from error
        except StoreError as error:
            raise fail(EXIT_OUTSIDE, str(error)) from error
        finally:
            outlet.close()


def _run(consumer: Consumer, outlet: Outlet, cursor: Path, *, follow: bool) -> None:
    while not outlet.stop.is_set():
        has_come, lines = consumer.read()
        if has_come and outlet.put(lines):
            replace_file(cursor, f"{consumer.cursor}\n".encode())
        elif not has_come and (not follow or outlet.stop.wait(POLL_S)):
            return


def _check_topic(topic: str) -> None:
    is_ours = (topic.rstrip("/") + "/").startswith(f"{messages.ROOT.split('/', maxsplit=1)[0]}/")
    is_odd = not topic.isprintable() or any(char in topic for char in "+#") or topic.startswith(("/", "$"))
    if not topic or is_ours or is_odd or len(topic.encode()) > TOPIC_BYTES_MAX:
        raise fail(EXIT_USAGE, translate(WORDS["topic"], topic=topic[:80], root=messages.ROOT))
