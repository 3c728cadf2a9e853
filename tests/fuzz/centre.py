"""The centre under a gateway whose owner holds its keys: whatever he seals is rightly sealed."""

from collections.abc import Sequence
from typing import Final

from centre.core import Centre, Incoming
from centre.json_lines import as_text
from evidence import cbor
from evidence.seal import RECORDS_MAX
from tests.centre.gateway.hostile import EVIL, T0_MS, Hostile, reading, record, table
from tests.centre.store.memory import MemoryStore
from tests.fuzz.target import CBOR, Target

SECRET: Final = bytes(range(32))
HONEST: Final = "honest"


def run_centre(raw: bytes) -> None:
    """[[record, …], …]: seals of one key, each whole; then the honest one, and a restart."""
    try:
        seals = cbor.decode(raw, 65_536)
    except cbor.FormatError:
        return
    evil, honest = Hostile(), Hostile(HONEST)
    store = MemoryStore()
    store.enrol(EVIL, evil.first_key)
    store.enrol(HONEST, honest.first_key)
    centre = Centre(store, SECRET)
    for item in seals if type(seals) is list else ():
        rows = [one for one in item if type(one) is bytes and one] if type(item) is list else []
        if rows and len(rows) <= RECORDS_MAX:
            _handle(centre, [evil.send(*rows)])
    centre = Centre(store, SECRET)
    centre.lines_of(EVIL).restore(centre.lines_of(EVIL).encode_memory())
    answered = _handle(centre, [honest.send(record(3, {"beat": 1}))])
    assert answered == [f"dj/1/{HONEST}/receipt"]


def run_messages(raw: bytes) -> None:
    """[[kind, payload], …]: anything on the topics of a gateway."""
    try:
        items = cbor.decode(raw, 65_536)
    except cbor.FormatError:
        return
    honest, store = Hostile(HONEST), MemoryStore()
    store.enrol(EVIL, Hostile().first_key)
    store.enrol(HONEST, honest.first_key)
    centre = Centre(store, SECRET)
    for item in items if type(items) is list else ():
        if type(item) is list and len(item) == 2 and type(item[0]) is str and type(item[1]) is bytes:
            _handle(centre, [Incoming(f"dj/1/{EVIL}/{item[0]}", item[1])])
    assert _handle(centre, [honest.send(record(3, {}))]) == [f"dj/1/{HONEST}/receipt"]


def _handle(centre: Centre, messages: Sequence[Incoming]) -> list[str]:
    answers, lines = centre.handle(messages, T0_MS)
    for line in [*lines, *centre.go_on()]:
        assert as_text(line).isprintable()
        assert line.get("code") != "fault", line
    return [answer.topic for answer in answers]


def _seeds() -> list[bytes]:
    raw, model = table(2)
    manifest = record(2, {"meters": {"m1": {"line": "p1", "ct_ratio": 40}}, "models": {model.hex(): raw}})
    site = record(2, {"site": "[[line]]\nid = 'p1'\n", "meters": {"m1": {}}, "linkages": {"k": bytes(32)}})
    lost = [record(7, {"first": 1, "last": 1, "why": ""}), record(8, {"first": 1, "last": 2, "recovered": 2})]
    return [
        cbor.encode([[manifest, reading(model=model)], [reading(model=model)], [site]]),
        cbor.encode([[reading(model=model)] * 3, [manifest], lost]),
        cbor.encode([[record(kind, {"a": 1})] for kind in range(3, 18)]),
    ]


def _message_seeds() -> list[bytes]:
    evil = Hostile()
    sent = [evil.send(record(3, {})), evil.rekey("x", 5), evil.late(1, b"\x81\x41\0")]
    state = Incoming(f"dj/1/{EVIL}/state", b'{"state":"online"}')
    return [cbor.encode([[one.topic.rpartition("/")[2], one.payload] for one in (*sent, state)])]


TARGETS: Final = (
    Target("centre", run_centre, _seeds, 8_192, form=CBOR),
    Target("messages", run_messages, _message_seeds, 4_096, form=CBOR),
)
