"""The observer: a client of the broker that counts what arrives, and stands for ThingsBoard's server.

    python -m tests.bench.peers.tap PORT FILE [TOPIC …]

Every half second it writes FILE anew: packets and bytes of PUBLISH as they went to the broker, polls that
arrived (each counted once, whatever comes twice), polls of each meter, and when the first one came
(CLOCK_MONOTONIC, which all processes share). Its session is persistent, so a broker that was away has
what was published before the observer was back. Topics other than all of them are for programs that
publish more than an observer in Python can take: one meter then stands for all.

thingsboard-gateway sends nothing before its question for the session's limits is answered: there are none.
"""

import contextlib
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import asdict, define, field
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from drivers.reading import Quality
from evidence.record import ReadingRecord, decode_record
from evidence.seal import SealHeader, open_body, peek_header
from wire import messages

WRITE_S: Final = 0.5
SESSION_S: Final = 3600
TELEMETRY: Final = "v1/gateway/telemetry"
ASKED: Final = "v1/devices/me/rpc/request/"
ANSWERED: Final = "v1/devices/me/rpc/response/"
LIMITS: Final = {
    "maxPayloadSize": 65_536,
    "maxInflightMessages": 100,
    "rateLimits": {},
    "gatewayRateLimits": {},
}
CONTROL: Final = ("/receipt", "/order", "/beacon")


@define
class Seen:
    """What has arrived."""

    packets: int = 0
    packet_bytes: int = 0
    polls: int = 0
    by_meter: Counter[str] = field(factory=Counter)
    first_packet_s: float | None = None
    first_poll_s: float | None = None
    _known: set[bytes] = field(factory=set)
    _headers: dict[int, SealHeader] = field(factory=dict)

    def take(self, topic: str, payload: bytes, now_s: float) -> None:
        """One message."""
        self.packets += 1
        self.packet_bytes += publish_bytes(topic, len(payload))
        if self.first_packet_s is None:
            self.first_packet_s = now_s
        for meter, poll in polls_in(topic, payload, self._headers):
            digest = hashlib.blake2b(meter.encode() + b"\0" + poll, digest_size=12).digest()
            if digest in self._known:
                continue
            self._known.add(digest)
            self.polls += 1
            self.by_meter[meter] += 1
            if self.first_poll_s is None:
                self.first_poll_s = now_s

    def told(self) -> dict[str, Any]:
        """For the file."""
        return asdict(self, filter=lambda name, _: not name.name.startswith("_"))


def publish_bytes(topic: str, payload: int) -> int:
    """A PUBLISH of MQTT v5 with QoS 1 and no properties."""
    rest = 2 + len(topic.encode()) + 2 + 1 + payload
    return 1 + next(size for size in range(1, 5) if rest < 1 << 7 * size) + rest


Headers = dict[int, SealHeader]


def polls_in(topic: str, payload: bytes, headers: Headers) -> Iterator[tuple[str, bytes]]:
    """Each poll that a message carries: whose, and what tells it from others.

    `headers` remembers the seals whose bodies come later, as ours does after the broker was away.
    """
    if topic.startswith("dj/1/"):
        yield from _sealed(topic.rpartition("/")[2], payload, headers)
    elif topic == TELEMETRY:
        for meter, items in json.loads(payload).items():
            for item in items:
                yield meter, json.dumps(item, sort_keys=True).encode()
    elif topic.startswith(("modpoll/", "nr/")):
        yield topic.rpartition("/")[2], payload


def _sealed(kind: str, payload: bytes, headers: Headers) -> Iterator[tuple[str, bytes]]:
    records: tuple[bytes, ...] = ()
    if kind == messages.Kind.SEAL:
        seal = messages.decode_seal(payload)
        records = open_body(peek_header(seal.seal), seal.body)
    elif kind == messages.Kind.CHAIN:
        headers |= {header.number: header for header in map(peek_header, messages.decode_chain(payload))}
    elif kind == messages.Kind.BODY:
        body = messages.decode_body(payload)
        records = open_body(headers[body.number], body.body)
    for record in map(decode_record, records):
        if isinstance(record, ReadingRecord) and record.quality is Quality.GOOD:
            yield record.meter, repr((record.boottime_ms, record.blocks)).encode()


class Tap:
    """The client."""

    def __init__(self, port: int, file: Path, topics: Sequence[str]) -> None:
        self.seen = Seen()
        self._file = file
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id="tap", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in topics])
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 1)
        lasting = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        lasting.SessionExpiryInterval = SESSION_S
        self._client.connect("127.0.0.1", port, clean_start=False, properties=lasting)

    def run(self) -> None:
        """Until it is killed."""
        written_s = 0.0
        while True:
            if self._client.loop(WRITE_S) != 0:
                time.sleep(WRITE_S)
                with contextlib.suppress(OSError):
                    self._client.reconnect()
            if time.monotonic() - written_s >= WRITE_S:
                written_s = time.monotonic()
                draft = self._file.with_suffix(".draft")
                draft.write_text(json.dumps(self.seen.told()), "utf-8")
                draft.replace(self._file)

    def _message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        topic = message.topic
        if topic.startswith(ASKED):
            client.publish(ANSWERED + topic.rpartition("/")[2], json.dumps(LIMITS), qos=1)
        elif not topic.startswith(ANSWERED) and not topic.endswith(CONTROL):
            self.seen.take(topic, bytes(message.payload), time.monotonic())


if __name__ == "__main__":
    Tap(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] or ["#"]).run()
