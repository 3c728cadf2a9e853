"""The courier: from the store to the connection and back, on a real database."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import cbor2
import pytest
from attrs import define, evolve, field

from agent.store.gateway import GatewayStore
from agent.uplink.courier import BIRTH_TOKEN, REJECTIONS_RECORDED_MAX, STATE_AGAIN_S, STATEMENT_TOKEN, Courier
from agent.uplink.files import TOKEN as FILE_TOKEN
from agent.uplink.files import FilesOut
from agent.uplink.outbox import Outbox
from drivers.clock import ClockState, Stamp
from evidence import keys
from evidence.delegated import Signer
from evidence.receipt import Beacon, Conflict, Receipt, sign_beacon, sign_receipt
from evidence.seal import NO_HASH, StoredSeal
from evidence.statement import CONTINUE_BYTES_MAX, Pending
from tests.evidence.chains import GATEWAY, Chain
from tests.evidence.orders import made
from wire import messages
from wire.files import Wanted, sign_wanted, wanted_topic
from wire.messages import Topics
from wire.mqtt_events import Acked, Connected, Disconnected, Message, SubscribeRefused

CENTRE = made.ROOT
TOPICS = Topics(GATEWAY)
CONNECTED = Connected(session_present=True, receive_maximum=20, packet_bytes_max=65_536)


STAMP = Stamp(0, 0, bytes(16), ClockState.SYNCHRONISED)


@define
class Bench:
    store: GatewayStore
    chain: Chain = field(factory=Chain)
    sent: list[tuple[int, str, bytes, bool]] = field(factory=list)
    now_s: float = 0.0
    courier: Courier = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.courier = self.life()

    def life(self) -> Courier:
        """A courier as a start makes it."""
        first, last = self.store.first_number(), self.store.last()
        outbox = Outbox(TOPICS, received=(first or 1) - 1, tip=last.number if last else 0)
        self.courier = Courier(outbox, self.store, TOPICS, keys.public(CENTRE), self._send, b"birth")
        self.courier.resume(self.now_s)
        return self.courier

    def _send(self, token: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.sent.append((token, topic, payload, retain))

    def seal(self, count: int = 1) -> list[StoredSeal]:
        made = [self.chain.seal() for _ in range(count)]
        for one in made:
            self.store.append(one)
            self.courier.outbox.on_sealed(one.number)
        return made

    def tick(self, passed_s: float = 1.0) -> list[tuple[str, object]]:
        """What goes out, decoded."""
        self.now_s += passed_s
        before = len(self.sent)
        self.courier.tick(self.now_s)
        return [(topic.rpartition("/")[2], cbor2.loads(raw)) for _, topic, raw, _ in self.sent[before:]]

    def hear(self, raw: bytes, topic: str = TOPICS.receipt) -> list[dict[str, object]]:
        taken = self.courier.handle(Message(topic, raw, retained=True), STAMP, self.now_s)
        return [record.body for record in taken]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = GatewayStore(tmp_path / "chain.db", 16 << 20)
    yield Bench(store)
    store.close()


def events(bench: Bench) -> list[dict[str, object]]:
    return [record.body for record in bench.courier.due(STAMP)]


def receipt_for(seal: StoredSeal, conflict: Conflict | None = None, bodies_up_to: int | None = None) -> bytes:
    held = seal.number if bodies_up_to is None else bodies_up_to
    return sign_receipt(Receipt(GATEWAY, seal.number, seal.hash, held, (), 0, conflict), CENTRE)


VERIFIER = Signer(made.VERIFIER, keys.public(CENTRE), made.VERIFIER_CERTIFICATE)


def verifiers(seal: StoredSeal, utc_ms: int = made.NOW_MS) -> bytes:
    return sign_receipt(Receipt(GATEWAY, seal.number, seal.hash, seal.number, (), utc_ms), VERIFIER)


def test_a_receipt_key_that_the_root_has_certified_counts_as_the_root_until_it_is_withdrawn(
    bench: Bench,
) -> None:
    one, two, three = bench.seal(3)
    assert bench.hear(verifiers(one)) == []
    assert bench.courier.receipt == (1, made.NOW_MS)
    assert bench.store.last_receipt() == verifiers(one)
    assert bench.courier.reference == sha256(verifiers(one)).digest()
    beacon = sign_beacon(Beacon(made.NOW_MS + 1, 1), VERIFIER)
    assert bench.hear(beacon, messages.BEACON) == []
    assert bench.courier.kept_utc_ms == made.NOW_MS + 1
    bench.courier.withdrawn = lambda: {keys.public(made.VERIFIER)}
    for raw, topic in ((verifiers(two), TOPICS.receipt), (beacon, messages.BEACON)):
        (told,) = bench.hear(raw, topic)
        assert "withdrawn" in str(told)
    assert bench.courier.receipt == (1, made.NOW_MS)
    bench.life()  # what it has kept, it took while the key was in force
    assert bench.courier.receipt == (1, made.NOW_MS)
    assert bench.hear(receipt_for(three)) == []
    assert bench.courier.receipt[0] == 3


def test_a_receipt_key_that_has_ended_says_nothing_with_an_earlier_time(bench: Bench) -> None:
    one, two, three = bench.seal(3)
    late_ms = made.NOW_MS + 800 * made.DAY_MS
    (told,) = bench.hear(verifiers(one, late_ms))
    assert "not in force" in str(told)
    assert bench.hear(verifiers(one)) == []
    bench.hear(sign_receipt(Receipt(GATEWAY, 2, two.hash, 2, (), late_ms), CENTRE))
    (told,) = bench.hear(verifiers(three))
    assert "not in force" in str(told)
    assert bench.courier.receipt == (2, late_ms)


def test_a_connect_is_followed_by_the_birth_and_then_by_what_waits(bench: Bench) -> None:
    (seal,) = bench.seal()
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    assert bench.sent == [(BIRTH_TOKEN, TOPICS.state, b"birth", True)]
    assert bench.tick() == [("seal", [seal.cose, seal.body])]


def test_what_travels_is_what_is_stored(bench: Bench) -> None:
    seals = bench.seal(5)
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    assert bench.tick() == [("chain", [seal.cose for seal in seals])]
    bench.hear(receipt_for(seals[-1], bodies_up_to=0))
    assert bench.tick() == [("body", [seal.number, seal.body]) for seal in seals]


@pytest.mark.parametrize(("takes_max", "sent"), [(20, 0), (400, 1), (65_536, 2)])
def test_neither_birth_nor_statement_is_sent_where_its_packet_is_too_large(
    bench: Bench, takes_max: int, sent: int
) -> None:
    (seal,) = bench.seal()
    bench.courier.statements = (Pending(1, bytes(CONTINUE_BYTES_MAX)),)
    bench.courier.__attrs_post_init__()
    bench.courier.handle(evolve(CONNECTED, packet_bytes_max=takes_max), STAMP, bench.now_s)
    assert [token for token, _, _, _ in bench.sent] == [BIRTH_TOKEN, STATEMENT_TOKEN][:sent]
    told = bench.tick()
    assert told == ([("seal", [seal.cose, seal.body])] if sent == 2 else [])
    texts = [str(event["text"]) for event in events(bench)]
    assert ["the statement of a new key needs 54" in text for text in texts] == [True] * (sent < 2)


def test_a_file_that_the_centre_asks_for_waits_behind_readings(bench: Bench, tmp_path: Path) -> None:
    raw = b"a picture"
    digest = sha256(raw)
    (tmp_path / digest.hexdigest()).write_bytes(raw)
    bench.courier.files = FilesOut(tmp_path, GATEWAY, keys.public(CENTRE))
    seals = bench.seal(9)
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    wanted = Wanted(GATEWAY, ((digest.digest(), 0),))
    assert bench.hear(sign_wanted(wanted, CENTRE), wanted_topic(GATEWAY)) == []
    assert [kind for kind, _ in bench.tick()] == ["chain"]
    bench.hear(receipt_for(seals[-1]))
    assert bench.tick() == [("file", [digest.digest(), len(raw), 0, raw])]
    assert bench.tick() == [], "one piece is in flight"
    bench.courier.handle(Acked(FILE_TOKEN, 0), STAMP, bench.now_s)
    assert bench.tick() == []
    (refused,) = bench.hear(sign_wanted(wanted, bytes(32)), wanted_topic(GATEWAY))
    assert refused["text"] == "not signed by the centre"


def test_an_acknowledged_token_frees_the_window(bench: Bench) -> None:
    bench.seal()
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    bench.tick()
    assert bench.courier.status().in_flight == 1
    bench.courier.handle(Acked(bench.sent[-1][0], 0), STAMP, bench.now_s)
    assert bench.courier.status().in_flight == 0
    bench.courier.handle(Acked(BIRTH_TOKEN, 0), STAMP, bench.now_s)


def test_a_broker_that_acknowledges_twice_or_what_was_never_sent_frees_no_more_than_was_taken(
    bench: Bench,
) -> None:
    bench.seal()
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    bench.tick()
    token = bench.sent[-1][0]
    for one in (token, token, 999_999, BIRTH_TOKEN, BIRTH_TOKEN, -1):
        assert bench.courier.handle(Acked(one, 0), STAMP, bench.now_s) == []
    assert bench.courier.status().in_flight == 0
    assert bench.courier.status().received == 0, "only a receipt counts"
    bench.seal()
    bench.tick()
    assert bench.courier.status().in_flight == 1
    bench.courier.handle(Acked(token, 0), STAMP, bench.now_s)
    assert bench.courier.status().in_flight == 1, "the old token is not that of the new seal"


def test_a_lost_connection_is_known(bench: Bench) -> None:
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    bench.courier.handle(Disconnected("gone", 0), STAMP, bench.now_s)
    bench.seal()
    assert bench.tick() == []


def test_a_receipt_is_kept_and_heard_again_by_the_next_life(bench: Bench) -> None:
    seals = bench.seal(3)
    raw = receipt_for(seals[1])
    assert bench.hear(raw) == []
    assert bench.courier.reference == sha256(raw).digest()
    bench.seal()
    again = bench.life()
    assert (again.status().received, again.reference) == (2, sha256(raw).digest())
    assert again.prunable_below() == 2


def test_a_receipt_that_asks_for_more_is_kept_for_what_it_covers(bench: Bench) -> None:
    seals = bench.seal(4)
    raw = receipt_for(seals[2], Conflict(4, seals[2].hash))
    bench.hear(raw)
    assert bench.courier.status().received == 3
    assert bench.life().status().received == 3, "or rows that were pruned on it would be sent again"
    assert bench.courier.reference == sha256(raw).digest()


def test_a_centre_that_knows_nothing_asks_for_the_first(bench: Bench) -> None:
    seals = bench.seal(2)
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    bench.tick()
    bench.tick(5.0)
    empty = Receipt(GATEWAY, 0, NO_HASH, 0, (), 0, Conflict(1, NO_HASH))
    bench.hear(sign_receipt(empty, CENTRE))
    assert bench.tick(5.0)[0] == ("seal", [seals[0].cose, seals[0].body])


def test_a_beacon_dates_what_is_sealed_after_it(bench: Bench) -> None:
    raw = sign_beacon(Beacon(1, 1), CENTRE)
    assert bench.hear(raw, messages.BEACON) == []
    assert bench.courier.reference == sha256(raw).digest()


@pytest.mark.parametrize(
    ("topic", "raw", "text"),
    [
        (TOPICS.receipt, sign_receipt(Receipt(GATEWAY, 0, NO_HASH, 0, (), 0), bytes(32)), "not signed"),
        (TOPICS.receipt, sign_receipt(Receipt("gw-8", 0, NO_HASH, 0, (), 0), CENTRE), "gateway gw-8"),
        (TOPICS.receipt, sign_beacon(Beacon(1, 1), CENTRE), "not signed"),
        (TOPICS.receipt, b"", ""),
        (messages.BEACON, sign_beacon(Beacon(1, 1), bytes(32)), "not signed"),
        (messages.BEACON, b"\xff" * 100, ""),
    ],
    ids=["forged", "another gateway's", "a beacon", "empty", "forged beacon", "noise"],
)
def test_what_the_centre_has_not_said_is_noted_and_forgotten(
    bench: Bench, topic: str, raw: bytes, text: str
) -> None:
    bench.seal()
    (body,) = bench.hear(raw, topic)
    assert (body["what"], body["topic"], body["count"]) == ("message rejected", topic, 1)
    assert text in str(body["text"])
    assert (bench.courier.reference, bench.courier.status().received) == (b"", 0)
    assert bench.store.last_receipt() is None


def test_a_flood_of_forgeries_does_not_fill_the_disk(bench: Bench) -> None:
    told = [bench.hear(b"forged") for _ in range(REJECTIONS_RECORDED_MAX + 50)]
    assert sum(map(len, told)) == REJECTIONS_RECORDED_MAX


def test_what_nobody_takes_is_told_and_forgotten(bench: Bench) -> None:
    for topic in ("dj/1/other/receipt", TOPICS.order):
        (told,) = bench.hear(b"x", topic)
        assert (told["what"], told["topic"]) == ("message rejected", topic)


def test_a_refused_subscription_and_an_alarm_become_events(bench: Bench) -> None:
    (refused,) = bench.courier.handle(SubscribeRefused(TOPICS.receipt, 0x87), STAMP, bench.now_s)
    assert refused.body == {"what": "subscription refused", "topic": TOPICS.receipt, "code": 0x87}
    (seal,) = bench.seal()
    other = Receipt(GATEWAY, seal.number, bytes(31) + b"x", 0, (), 0)
    bench.hear(sign_receipt(other, CENTRE))
    (event,) = events(bench)
    assert (event["what"], event["seal"]) == ("delivery fork", 1)
    assert events(bench) == []


def test_a_rolled_back_disk_sends_nothing_more(bench: Bench) -> None:
    bench.seal()
    ahead = Chain(number=9)
    bench.hear(receipt_for(ahead.seal()))
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    assert bench.tick() == []
    assert [event["what"] for event in events(bench)] == ["delivery rolled_back"]


def test_the_length_of_a_body_is_asked_for_without_reading_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (seal,) = bench.seal()
    assert seal.body is not None
    monkeypatch.setattr(bench.store, "row", None)
    assert [bench.courier.body_bytes(number) for number in (1, 2)] == [len(seal.body), 0]


STATED = Pending(3, b"a statement")


def stated(bench: Bench) -> list[bytes]:
    return [raw for _, topic, raw, _ in bench.sent if topic == TOPICS.rekey]


def test_a_statement_goes_out_on_each_connect_until_its_seal_is_receipted(bench: Bench) -> None:
    seals = bench.seal(3)
    bench.courier.statements = (STATED,)
    for _ in range(2):
        bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    assert stated(bench) == [messages.encode_statement(STATED.raw)] * 2
    assert [token for token, topic, _, _ in bench.sent] == [BIRTH_TOKEN, STATEMENT_TOKEN] * 2
    bench.courier.handle(Acked(STATEMENT_TOKEN, 0), STAMP, bench.now_s)
    bench.hear(receipt_for(seals[1]))
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    assert len(stated(bench)) == 3, "the seal before it is not the one"
    bench.hear(receipt_for(seals[2]))
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    assert len(stated(bench)) == 3


def test_a_statement_goes_again_when_the_centre_asks_for_its_seal_but_not_each_time(bench: Bench) -> None:
    seals = bench.seal(4)
    bench.courier.statements = (STATED,)
    bench.courier.handle(CONNECTED, STAMP, bench.now_s)
    bench.hear(receipt_for(seals[0], Conflict(2, seals[0].hash)))
    assert len(stated(bench)) == 1, "another seal is asked for"
    for _ in range(5):
        bench.hear(receipt_for(seals[1], Conflict(3, seals[1].hash)))
    assert len(stated(bench)) == 2
    bench.now_s += STATE_AGAIN_S
    bench.hear(receipt_for(seals[1], Conflict(3, seals[1].hash)))
    assert len(stated(bench)) == 3


@pytest.mark.parametrize(("number", "digest"), [(9, b"x" * 32), (2, b"x" * 32)])
def test_a_receipt_that_proves_a_rollback_or_a_fork_is_kept(bench: Bench, number: int, digest: bytes) -> None:
    bench.seal(4)
    raw = sign_receipt(Receipt(GATEWAY, number, digest, 0, (), 0), CENTRE)
    bench.hear(raw)
    bench.store.flush()
    assert bench.store.receipts() == [raw]
    assert bench.life().status().stopped is (number > 4), "and a start without the centre knows it too"


def test_a_seal_that_the_centre_asks_for_and_that_is_lost_here_is_told_once(bench: Bench) -> None:
    seals = bench.seal(2)
    bench.chain.seal()
    seals += bench.seal(2)
    raw = receipt_for(seals[1], Conflict(3, seals[1].hash))
    (told,) = bench.hear(raw)
    assert (told["what"], told["seal"]) == ("seal lost", 3)
    assert "dianjian-agent rekey" in str(told["text"])
    assert bench.hear(raw) == []
    assert bench.hear(receipt_for(seals[3], Conflict(6, seals[3].hash))) == [], "not made yet"


def test_a_receipt_that_asks_for_what_a_lost_database_had_is_kept_for_a_rekey(bench: Bench) -> None:
    for _ in range(5):
        bench.chain.seal()
    bench.seal(2)
    bench.life()
    raw = sign_receipt(Receipt(GATEWAY, 2, b"h" * 32, 2, (), 0, Conflict(3, b"h" * 32)), CENTRE)
    bench.hear(raw)
    assert bench.store.receipts() == [raw]


def live(bench: Bench, utc_ms: int, sequence: int = 1, *, retained: bool = False) -> list[dict[str, object]]:
    raw = sign_beacon(Beacon(utc_ms, sequence), CENTRE)
    taken = bench.courier.handle(Message(messages.BEACON, raw, retained), STAMP, bench.now_s)
    return [record.body for record in taken]


def test_a_beacon_that_is_not_newer_in_the_centre_s_time_is_a_replay_and_sets_no_clock(bench: Bench) -> None:
    assert live(bench, 100_000, 7) == []
    known = bench.courier.clock_ahead_ms
    for utc_ms, sequence in ((100_000, 7), (40_000, 6), (99_999, 8)):
        (told,) = live(bench, utc_ms, sequence)
        assert "replay" in str(told["text"])
        assert bench.courier.clock_ahead_ms == known
    assert live(bench, 40_000, retained=True) == [], "what a broker has kept is merely old"
    assert live(bench, 160_000, 1) == [], "the sequence of a new subscriber begins anew"
    assert bench.courier.clock_ahead_ms == known - 60_000  # type: ignore[operator]


def test_a_beacon_of_before_the_last_receipt_is_a_replay_after_a_restart_too(bench: Bench) -> None:
    first, second = bench.seal(2)

    def receipt(seal: StoredSeal, utc_ms: int) -> bytes:
        return sign_receipt(Receipt(GATEWAY, seal.number, seal.hash, seal.number, (), utc_ms), CENTRE)

    bench.hear(receipt(first, 1_000_000))
    bench.life()
    (told,) = live(bench, 900_000)
    assert "replay" in str(told["text"])
    assert bench.courier.clock_ahead_ms is None
    assert live(bench, 1_060_000) == []
    bench.hear(receipt(second, 500_000))
    assert live(bench, 560_000) == [], "a centre that set its clock back is believed with its next receipt"
