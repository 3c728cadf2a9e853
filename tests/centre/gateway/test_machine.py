"""Whatever one key signs, in whatever order and beside whatever restarts: the honest gateway is served.

The latency of the honest one is counted in work, not in time: before its receipt the centre takes one message
of the hostile one at most, and one of nobody.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from centre.core import Centre, Incoming
from centre.gateway.manifests import DECODER_POINTS_MAX, MODELS_MAX, ROWS_MAX, TABLES_BYTES_MAX
from centre.gateway.parking import PARKED_BYTES_MAX, PARKED_MAX, STATEMENTS_PARKED_MAX
from centre.gateway.waiting import WAITING_BYTES_MAX
from centre.inbox import Inbox
from centre.json_lines import as_text
from centre.store.sqlite import SqliteStore
from evidence import cbor
from evidence.held import HELD_RANGES_MAX, Held
from tests.centre.gateway.hostile import EVIL, HONEST, T0_MS, Hostile, fresh, reading, record, table
from wire.mqtt_events import Message

SECRET = bytes(range(32))
LINE_BYTES_MAX = 4 << 20
"""Of one message: the bound of work, printed."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.binary(max_size=40),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(
    st.sampled_from(
        ["meters", "models", "site", "linkages", "first", "last", "line", "why", "seal", "attest"]
    ),
    VALUES | st.dictionaries(st.sampled_from(["m1", "m2"]), VALUES, max_size=2),
    max_size=5,
)
RECORDS = st.one_of(
    st.binary(min_size=1, max_size=60),
    VALUES.map(cbor.encode).filter(bool),
    st.builds(record, st.integers(0, 20), BODIES),
    st.builds(reading, st.sampled_from(["m1", "m2", "\x1b[2J"]), st.sampled_from([table(2)[1], bytes(8)])),
    st.just(record(2, {"meters": {"m1": {"line": "p1"}}, "models": {"x": table(2)[0]}})),
)


@settings(deadline=None, max_examples=7, stateful_step_count=14)
class OneKey(RuleBasedStateMachine):
    """A centre, a hostile gateway and an honest one."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = fresh(self.folder)
        self.evil, self.honest, self.served, self.spent = Hostile(), Hostile(HONEST), 0, 0.0
        self.seals: list[tuple[bytes, bytes]] = []
        self.before = self.evil.clone()
        self.open()

    def open(self) -> None:
        self.store = SqliteStore(self.path)
        self.centre = Centre(self.store, SECRET)
        self.inbox = Inbox(lambda name: name in (EVIL, HONEST), self.tell_time, lambda: self.spent)

    def tell_time(self) -> float:
        """Time passes four times as fast as the processor works: the hostile one has its share back."""
        return 4.0 * self.spent

    def hand(self, *messages: Incoming) -> None:
        for one in messages:
            self.inbox.put(Message(one.topic, one.payload, retained=False))

    def turn(self) -> list[str]:
        """One batch; what is answered. A message counts as a second of the processor, an honest one less."""

        def count() -> Any:
            for message in self.inbox.batch(50):
                yield message
                self.spent += 0.01 if HONEST in message.topic else 1.0

        answers, lines = self.centre.handle(count(), T0_MS)
        lines += self.centre.go_on()
        texts = [as_text(line) for line in lines]
        assert all(text.isprintable() for text in texts)
        assert sum(map(len, texts)) < LINE_BYTES_MAX
        return [answer.topic for answer in answers]

    @rule(records=st.lists(RECORDS, min_size=1, max_size=6), times=st.sampled_from([1, 1, 1, 40]))
    def seal(self, records: list[bytes], times: int) -> None:
        self.before = self.evil.clone()
        self.seals.append(self.evil.seal(records * times))
        cose, body = self.seals[-1]
        self.hand(Incoming(f"dj/1/{EVIL}/seal", cbor.encode([cose, body])))

    @rule(records=st.lists(RECORDS, min_size=1, max_size=3), at=st.integers(0, 4))
    def withhold(self, records: list[bytes], at: int) -> None:
        self.before = self.evil.clone()
        self.seals.append(self.evil.seal(records))
        self.hand(self.evil.chain(*[cose for cose, _ in self.seals[-1 - at :]]))

    @rule(back=st.integers(0, 5), other=st.integers(0, 5))
    def bring_late(self, back: int, other: int) -> None:
        if len(self.seals) > max(back, other):
            number = len(self.seals) - back
            self.hand(self.evil.late(number, self.seals[-1 - other][1]))

    @rule(
        kind=st.sampled_from(["seal", "chain", "body", "rekey", "state", "odd"]), raw=st.binary(max_size=80)
    )
    def shout(self, kind: str, raw: bytes) -> None:
        self.hand(Incoming(f"dj/1/{EVIL}/{kind}", raw))

    @rule(kind=st.sampled_from(["chain", "body", "rekey"]), value=VALUES)
    def speak(self, kind: str, value: Any) -> None:
        self.hand(Incoming(f"dj/1/{EVIL}/{kind}", cbor.encode(value)))

    @rule(count=st.integers(1, 12), reason=st.text(max_size=20))
    def rekey(self, count: int, reason: str) -> None:
        self.hand(*(self.evil.rekey(reason, T0_MS + at) for at in range(count)))

    @rule()
    def fork(self) -> None:
        self.hand(self.before.clone().send(record(16, {"cloned": True})))

    @rule()
    def serve_hostile(self) -> None:
        self.turn()

    @rule()
    def restart(self) -> None:
        memory = self.centre.lines_of(EVIL).encode_memory()
        self.store.close()
        self.open()
        self.centre.lines_of(EVIL).restore(memory)
        assert self.centre.lines_of(EVIL).encode_memory() == memory

    @invariant()
    def the_honest_one_waits_for_one_message_of_each_other(self) -> None:
        self.hand(self.honest.send(record(3, {"beat": self.served})))
        self.served += 1
        topics = [topic for _ in range(3) for topic in self.turn()]
        assert f"dj/1/{HONEST}/receipt" in topics
        assert self.store.state(HONEST).number == self.served

    @invariant()
    def memory_is_bounded(self) -> None:
        chain = self.centre._chains.find(EVIL)
        assert chain is not None
        lines, parking = chain.lines, chain.parking
        assert lines._waiting.size <= WAITING_BYTES_MAX
        assert len(lines._known.models) <= MODELS_MAX
        assert lines._known._tables_bytes <= TABLES_BYTES_MAX
        assert lines._known._count_rows() <= ROWS_MAX
        assert lines._known._decoder_points <= DECODER_POINTS_MAX
        assert len(parking._seals) <= PARKED_MAX
        assert parking._size <= PARKED_BYTES_MAX
        assert len(parking._statements) <= STATEMENTS_PARKED_MAX
        held = self.store.held(EVIL)
        assert len(held.ranges) <= HELD_RANGES_MAX
        assert Held.from_cbor(held.to_cbor()) == held

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)


TestOneKey = OneKey.TestCase
