"""The whole way of an order on real stores: an officer's command, the ledger, the broker's topics, a gateway,
its seals, the centre's store, the board. Between them are the bytes alone."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from click.testing import CliRunner

from agent.inbox import FILES_NAME
from agent.orders.book import Book
from centre.core import Centre, Incoming
from centre.orders.desk import Desk
from centre.orders.ledger import Ledger, LedgerError, add_line, open_ledger, order_line
from centre.orders.outgoing import OrdersOut
from centre.orders.unsealed import WAIT_MS
from centre.store.sqlite import SqliteStore
from centre.subscriber import BEACON_S
from evidence import keys
from evidence.delegated import Signer
from evidence.marks.catalogue import load_catalogue
from evidence.orders.order import parse_order
from evidence.receipt import open_beacon, open_receipt
from provisioning.cli import cli
from provisioning.declaring.letters import Declared, keep_file, put_letters
from tests.agent.rig import Rig
from tests.evidence.orders import made
from tests.provisioning.declaring.made import name_persons
from wire import messages
from wire import orders as wire
from wire.mqtt_events import Disconnected, Message


@define
class City:
    """A centre, an officer's desk and one gateway."""

    folder: Path
    rig: Rig = field(init=False)
    store: SqliteStore = field(init=False)
    centre: Centre = field(init=False)
    desk: Desk = field(init=False)
    kept: dict[str, bytes] = field(factory=dict)
    _sent: int = 0

    def __attrs_post_init__(self) -> None:
        for name, secret in {"root": made.ROOT, "city": made.CITY, "district": made.DISTRICT}.items():
            (self.folder / f"{name}.key").write_text(secret.hex())
            (self.folder / f"{name}.key").chmod(0o600)
        self.call("keys", "root", "--key", self.path("root.key"))
        self.certify(made.CITY_NAME, made.CITY, "--area", "3702", *self.kinds("supervise", "alert", "cancel"))
        self.certify(
            made.DISTRICT_NAME, made.DISTRICT, "--area", "370202", *self.kinds("supervise", "cancel")
        )
        self.call("keys", "place", "--key", self.path("root.key"), "g1", "370202")
        self.rig = Rig(self.folder / "gateway")
        self.rig.connect()
        self.store = SqliteStore(self.folder / "centre.db")
        self.store.enrol("g1", self.rig.first_key)
        self.centre = Centre(self.store, made.ROOT)
        self.desk = Desk(open_ledger(self.ledger), made.ROOT)

    @property
    def ledger(self) -> Path:
        return self.folder / "orders"

    def path(self, name: str) -> str:
        return str(self.folder / name)

    @staticmethod
    def kinds(*names: str) -> list[str]:
        return [part for name in names for part in ("--kind", name)]

    def certify(self, name: str, secret: bytes, *options: str) -> None:
        who = ["--role", "bureau", "--name", name, *options, keys.public(secret).hex()]
        self.call("keys", "certify", "--key", self.path("root.key"), *who)

    def call(self, *words: str, code: int = 0) -> Any:
        """A verb of `dianjian centre` with --json."""
        group, verb, *rest = words
        ran = CliRunner().invoke(cli, ["centre", group, verb, "--orders", str(self.ledger), "--json", *rest])
        assert ran.exit_code == code, ran.output
        return json.loads(ran.stdout) if code == 0 else ran.stderr

    def send(self, *options: str, by: str = "city", name: str = made.CITY_NAME, code: int = 0) -> Any:
        who = ["--key", self.path(f"{by}.key"), "--issuer", name]
        return self.call("order", *options[:1], *who, *options[1:], code=code)

    def publish(self, utc_ms: int) -> None:
        """What the subscriber would do: to the broker, and from there to the gateway."""
        self.desk.ledger.read_more()
        for one in self.desk.due(utc_ms):
            self.kept[one.topic] = one.payload
            self.rig.gateway.mqtt(Message(one.topic, one.payload, False), self.rig.stamp(), 0.0)
        self.rig.passed_s += 1
        self.rig.tick()

    def collect(self, utc_ms: int) -> list[dict[str, Any]]:
        """What the gateway has sealed since, to the centre."""
        seals = [one for one in self.rig.seals() if one.number > self._sent]
        self._sent = seals[-1].number
        batch = [Incoming("dj/1/g1/seal", messages.encode_seal(one.cose, one.body or b"")) for one in seals]
        return self.centre.handle(batch, utc_ms)[1]

    def board(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call("order", "board", "--store", self.path("centre.db"))
        return found


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    made_city = City(tmp_path)
    yield made_city
    made_city.rig.close()
    made_city.store.close()


def now(city: City) -> int:
    return city.rig.stamp().utc_ns // 1_000_000


BODY = {"item": "E07", "text": "请说明停运原因"}


def supervise(city: City, id_: str, *options: str, **how: Any) -> Any:
    (city.folder / "body.json").write_text(json.dumps(BODY), "utf-8")
    times = ["--effective", "2026-01-01T00:00Z", "--expires", "2099-01-01T00:00Z"]
    what = ["--kind", "supervise", "--id", id_, "--body", city.path("body.json"), *times, *options, "g1"]
    return city.send("send", *what, **how)


def test_an_officers_order_comes_back_sealed_and_answered(city: City) -> None:
    sent = supervise(city, "d-3", "--number", "青环督〔2026〕3号", "--due", "2098-01-01T00:00Z")
    assert sent == {"orders": [{"gateway": "g1", "order": "d-3", "rev": 1, "seq": 1}]}
    (row,) = city.board()["orders"]
    assert (row["state"], row["seal"], row["answers"]) == ("sent", None, [])
    city.publish(now(city))
    assert parse_order(wire.decode_order(city.kept["dj/1/g1/order/d-3"]).raw).order.body == BODY
    city.collect(now(city))
    (row,) = city.board()["orders"]
    assert (row["state"], row["reason"], row["number"]) == ("held", "", "青环督〔2026〕3号")
    assert row["seal"] == row["answers"][0]["seal"]
    assert [one["state"] for one in row["answers"]] == ["received"]
    assert row["overdue"] is False
    shown = city.call("order", "show", "--store", city.path("centre.db"), "g1", "d-3")
    assert shown["body"] == BODY
    assert shown["raw"] == wire.decode_order(city.kept["dj/1/g1/order/d-3"]).raw.hex()


def test_a_verifier_with_a_certified_key_does_what_the_root_did(
    city: City,
) -> None:
    public = keys.public(made.VERIFIER).hex()
    what = ["--role", "receipt", "--name", "verifier 1", "--from", "2020-01-01T00:00Z"]
    what += ["--until", "2099-01-01T00:00Z", public]
    city.call("keys", "certify", "--key", city.path("root.key"), *what)
    known = open_ledger(city.ledger)
    certificate = known.receipt_certificate(keys.public(made.VERIFIER), now(city))
    assert certificate is not None
    signer = Signer(made.VERIFIER, known.root, certificate)
    city.centre, city.desk = Centre(city.store, signer), Desk(known, signer)
    supervise(city, "d-1")
    city.publish(now(city))
    book = city.rig.parts.orders.book
    assert book.newest is not None
    assert certificate in book.trust.raws
    assert certificate in Book.from_cbor(book.to_cbor(), "g1", known.root).trust.raws, "over a restart"
    assert city.collect(now(city))
    (row,) = city.board()["orders"]
    assert row["state"] == "held", "the verifier's number of the newest counts"
    courier, raw = city.rig.gateway.courier, city.store.last_receipt("g1")
    assert raw is not None
    city.rig.gateway.mqtt(Message("dj/1/g1/receipt", raw, False), city.rig.stamp(), 0.0)
    assert courier.receipt == (city.store.state("g1").number, open_receipt(raw, known.root).centre_utc_ms)
    beacon = city.centre.answers.make_beacon(now(city), 7)
    city.rig.gateway.mqtt(Message("dj/1/beacon", beacon.payload, False), city.rig.stamp(), 0.0)
    assert courier.beacon_utc_ms == open_beacon(beacon.payload, known.root).centre_utc_ms
    city.call("keys", "withdraw", "--key", city.path("root.key"), "--reason", "stolen", public)
    city.publish(now(city))
    before = courier.rejections
    city.rig.gateway.mqtt(Message("dj/1/g1/receipt", raw, False), city.rig.stamp(), 0.0)
    assert courier.rejections == before + 1
    assert open_ledger(city.ledger).receipt_certificate(keys.public(made.VERIFIER), now(city)) is None


def test_a_verifier_tells_once_that_its_key_comes_to_its_end(city: City) -> None:
    signer = Signer(made.VERIFIER, keys.public(made.ROOT), made.VERIFIER_CERTIFICATE)
    end_ms = made.NOW_MS + 700 * made.DAY_MS
    out, roots = OrdersOut(city.ledger, signer), OrdersOut(city.ledger, made.ROOT)
    told = []
    for utc_ms in (end_ms - 31 * made.DAY_MS, end_ms - 29 * made.DAY_MS, end_ms - made.DAY_MS, end_ms + 1):
        out.due(utc_ms)
        roots.due(utc_ms)
        told.append([text.partition(":")[0].split()[5:7] for text in out.take_news()])
    assert told == [[], [["key", "ends"]], [], [["key", "ended"]]]
    assert roots.take_news() == []
    public = keys.public(made.VERIFIER).hex()
    city.call("keys", "certify", "--key", city.path("root.key"), "--role", "receipt", "--name", "v", public)
    city.call("keys", "withdraw", "--key", city.path("root.key"), "--reason", "stolen", public)
    out.due(made.NOW_MS)
    assert "withdrawn" in out.take_news()[0]


def test_a_file_that_is_edited_after_the_answer_is_told(city: City) -> None:
    supervise(city, "d-3")
    city.publish(now(city))
    state = city.rig.folder / "state"
    kept = [keep_file(state, name, raw) for name, raw in (("a.jpg", b"one"), ("b.jpg", b"two"), ("c", b"3"))]
    put_letters(
        state, Declared(by="王", order="d-3", state="done", files=tuple(kept)), load_catalogue("general"), 1
    )
    city.rig.run(10, 40_000, 9_000)
    city.collect(now(city))
    brought = state / FILES_NAME
    (brought / kept[1].sha256).write_bytes(b"two, edited")
    (brought / kept[2].sha256).unlink()
    call = ["centre", "order", "files", "--store", city.path("centre.db"), "--json", "--folder", str(brought)]
    ran = CliRunner().invoke(cli, [*call, "g1"])
    assert ran.exit_code == 1
    found = {one["name"]: (one["found"], one["about"]) for one in json.loads(ran.stdout)["files"]}
    assert found == {"a.jpg": ("same", "d-3"), "b.jpg": ("edited", "d-3"), "c": ("absent", "d-3")}
    (brought / kept[1].sha256).write_bytes(b"two")
    ran = CliRunner().invoke(cli, [*call, "g1"])
    assert (ran.exit_code, {one["found"] for one in json.loads(ran.stdout)["files"]}) == (
        0,
        {"same", "absent"},
    )


def test_an_answer_by_a_name_that_nobody_registered_says_so(city: City) -> None:
    state = city.rig.folder / "state"
    supervise(city, "d-3")
    city.publish(now(city))
    name_persons(state, "王")
    city.rig.run(10, 40_000, 9_000)
    for by, said in (("王", "accepted"), ("赵", "done")):
        put_letters(state, Declared(by=by, order="d-3", state=said), load_catalogue("general"), 1)
        city.rig.run(10, 40_000, 9_000)
    city.collect(now(city))
    (row,) = city.board()["orders"]
    assert [(one["by"], one["named"]) for one in row["answers"]] == [("", None), ("王", True), ("赵", False)]
    words = ["--lang", "en", "centre", "order", "board", "--orders", str(city.ledger)]
    shown = CliRunner().invoke(cli, [*words, "--store", city.path("centre.db")])
    assert "accepted by 王, done by 赵 (not registered)" in shown.stdout


def test_the_broker_gets_what_changed_and_all_of_it_after_a_connect(city: City) -> None:
    supervise(city, "d-1")
    city.publish(now(city))
    assert sorted(city.kept) == ["dj/1/g1/order/d-1", "dj/1/g1/orders"]
    assert city.desk.due(now(city)) == []
    city.desk.forget()
    assert sorted(one.topic for one in city.desk.due(now(city))) == sorted(city.kept)
    other = Desk(open_ledger(city.ledger), made.ROOT)
    assert {one.topic: one.payload for one in other.due(now(city))} == city.kept, "a restart says the same"
    city.send("cancel", "--id", "d-1", "g1")
    city.publish(now(city))
    city.collect(now(city))
    rows = {row["order"]: row for row in city.board()["orders"]}
    assert rows["d-1"]["cancelled"]
    assert rows["cancel-2"]["state"] == "held"
    assert city.rig.parts.orders.book.in_force(now(city)) == []


def test_an_order_that_ended_is_taken_away_and_nobody_misses_it(city: City) -> None:
    from_to = ["--effective", "2026-01-01T00:00Z"]
    what = ["--kind", "supervise", "--id", "short", *from_to, "--expires", "2098-01-01T00:00Z", "g1"]
    city.send("send", *what)
    supervise(city, "long")
    city.desk.ledger.read_more()
    ended = parse_order(city.desk.ledger.orders["g1"][0].raw).order.expires_utc_ms + 1
    taken = {one.topic: one.payload for one in city.desk.due(ended)}
    assert taken["dj/1/g1/order/short"] == b""
    newest = wire.decode_newest(taken["dj/1/g1/orders"])
    city.rig.gateway.mqtt(
        Message("dj/1/g1/orders", wire.encode_attested(newest), False), city.rig.stamp(), 0.0
    )
    assert city.rig.parts.orders.book.list_missing() == (2,)


def test_a_withheld_order_is_told_by_both_sides(city: City) -> None:
    supervise(city, "d-1")
    city.desk.ledger.read_more()
    for one in city.desk.due(now(city)):
        if one.topic == "dj/1/g1/orders":  # somebody at the broker keeps the order itself
            city.rig.gateway.mqtt(Message(one.topic, one.payload, False), city.rig.stamp(), 0.0)
    city.rig.run(60, 40_000, 9_000)
    city.collect(now(city))
    out = OrdersOut(city.ledger, made.ROOT)
    out.due(now(city))
    begin = now(city)
    for passed_ms in (0, 60_000, WAIT_MS):
        assert out.judge(city.store, begin) == [], "it was not heard long enough after the order"
        out.unsealed.note_heard("g1", begin + passed_ms)
    (line,) = out.judge(city.store, begin + WAIT_MS)
    assert (line["code"], line["gateway"]) == ("order_missing", "g1")
    assert "d-1 (number 1)" in line["text"]
    city.centre.tell([line], begin)
    assert out.judge(city.store, begin + WAIT_MS) == []
    again = OrdersOut(city.ledger, made.ROOT)
    again.due(begin)
    again.resume(city.store, city.store.gateways())
    again.unsealed.note_heard("g1", begin)
    assert again.judge(city.store, begin) == []
    again.unsealed.note_heard("g1", begin + WAIT_MS)
    assert again.judge(city.store, begin + WAIT_MS) == [], "told before the restart"
    board = city.board()
    assert board["orders"][0]["state"] == "missing"
    city.desk.forget()
    city.publish(now(city))
    lines = city.collect(now(city))
    for one in lines:
        out.unsealed.note_line(one)
    (line,) = out.judge(city.store, begin + 2 * WAIT_MS)
    assert line["ended"] is True
    assert board["gateways"]["g1"]["missing"] == [1]


def test_a_withheld_order_shows_within_one_beacon_of_reconnecting(city: City) -> None:
    supervise(city, "d-1")
    city.publish(now(city))
    city.rig.gateway.mqtt(Disconnected("away", 0), city.rig.stamp(), city.rig.passed_s)
    supervise(city, "d-2")
    city.rig.run(120, 40_000, 9_000)
    city.rig.connect()
    city.desk.forget()
    city.desk.ledger.read_more()
    for one in city.desk.due(now(city)):
        if one.topic != "dj/1/g1/order/d-2":  # somebody at the broker keeps it
            message = Message(one.topic, one.payload, True)
            city.rig.gateway.mqtt(message, city.rig.stamp(), city.rig.passed_s)
    city.rig.run(BEACON_S, 40_000, 9_000)
    city.collect(now(city))
    states = {row["order"]: row["state"] for row in city.board()["orders"]}
    assert states == {"d-1": "held", "d-2": "missing"}


def test_what_no_gateway_would_take_is_refused_before_it_is_sent(city: City) -> None:
    size = city.ledger.stat().st_size
    refused = [
        ("kind", {"by": "district", "name": made.DISTRICT_NAME}, ["--kind", "diagnose", "--id", "a"]),
        ("key", {"by": "district"}, ["--kind", "supervise", "--id", "a"]),
        ("area", {}, ["--kind", "supervise", "--id", "a", "--test", "g2"]),
        ("ended", {}, ["--kind", "supervise", "--id", "a", "--effective", "2001-01-01T00:00Z",
                       "--expires", "2001-01-02T00:00Z"]),
    ]  # fmt: skip
    for why, how, options in refused:
        assert why in city.send("send", *options, "g1", **how, code=2), why
    assert city.ledger.stat().st_size == size


def test_who_has_no_authority_ends_nothing_and_orders_nothing_anew(city: City) -> None:
    district = {"by": "district", "name": made.DISTRICT_NAME}
    supervise(city, "d-1")
    assert "authority" in city.send("cancel", "--id", "d-1", "g1", code=2, **district)
    supervise(city, "d-2", **district)
    city.send("cancel", "--id", "d-2", "g1", **district)
    supervise(city, "d-2", **district)
    city.send("cancel", "--id", "d-2", "g1")
    assert "authority" in supervise(city, "d-2", code=2, **district)
    assert {row["order"]: row["cancelled"] for row in city.board()["orders"] if row["seq"] in {1, 4}} == {
        "d-1": False, "d-2": True,
    }  # fmt: skip


def test_a_gateway_that_is_named_twice_gets_one_order(city: City) -> None:
    supervise(city, "d-1", "g1")
    city.send("cancel", "--id", "d-1", "g1", "g1")
    assert [one.order.seq for one in open_ledger(city.ledger).orders["g1"]] == [1, 2]


def test_a_store_of_an_older_program_knows_of_no_answer(city: City) -> None:
    supervise(city, "d-1")
    older = city.folder / "older.db"
    with closing(sqlite3.connect(older)) as database:
        database.execute("CREATE TABLE gateways (name)")
    for verb, words in (("board", ()), ("show", ("g1", "d-1"))):
        shown = city.call("order", verb, "--store", str(older), *words)
        (row,) = shown["orders"] if verb == "board" else (shown,)
        assert (row["order"], row["state"], row["answers"]) == ("d-1", "sent", [])


def test_a_withdrawn_key_orders_nothing_more_and_gateways_hear_of_it(city: City) -> None:
    supervise(city, "d-1", by="district", name=made.DISTRICT_NAME)
    gone = keys.public(made.DISTRICT).hex()
    root = ["--key", city.path("root.key")]
    city.call("keys", "withdraw", *root, "--reason", "stolen", gone)
    assert "withdrawn" in supervise(city, "d-2", by="district", name=made.DISTRICT_NAME, code=2)
    assert "no certificate" in city.call("keys", "withdraw", *root, "--reason", "", "11" * 32, code=2)
    city.publish(now(city))
    assert wire.decode_keys(city.kept[wire.KEYS])
    listed = {one["name"]: one for one in city.call("keys", "list")["certificates"]}
    assert listed[made.DISTRICT_NAME]["withdrawn"]["reason"] == "stolen"
    assert listed[made.CITY_NAME]["withdrawn"] is None


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_board_is_shown_in_both_languages(city: City, language: str) -> None:
    supervise(city, "d-1")
    city.publish(now(city))
    city.rig.gateway.mqtt(Message("dj/1/g1/order/x", b"junk", False), city.rig.stamp(), 0.0)
    city.rig.run(30, 40_000, 9_000)
    city.collect(now(city))
    words = ["--lang", language, "centre", "order", "board", "--orders", str(city.ledger)]
    shown = CliRunner().invoke(cli, [*words, "--store", city.path("centre.db")])
    assert shown.exit_code == 0, shown.output
    assert ("已封存" in shown.stdout) == (language == "zh")
    assert ("sealed in seal" in shown.stdout) == (language == "en")
    assert ("  督办  " in shown.stdout) == (language == "zh"), "the kind has its name, too"
    assert "form" in shown.stdout


def test_two_orders_never_get_one_number_and_a_wrong_line_is_named(city: City) -> None:
    supervise(city, "d-1")
    supervise(city, "d-2")
    supervise(city, "d-2")
    ledger = open_ledger(city.ledger)
    assert [(one.order.id, one.order.rev, one.order.seq) for one in ledger.orders["g1"]] == [
        ("d-1", 1, 1), ("d-2", 1, 2), ("d-2", 2, 3),
    ]  # fmt: skip
    assert [one.order.seq for one in ledger.live("g1", now(city))] == [1, 3]
    add_line(city.ledger, order_line(ledger.orders["g1"][0].raw))
    with pytest.raises(LedgerError, match=r"line 8.*number 1"):
        open_ledger(city.ledger)
    torn = city.folder / "torn"
    torn.write_bytes(city.ledger.read_bytes()[: city.ledger.stat().st_size - 40])
    assert len(Ledger(torn).orders) == 0
    assert len(open_ledger(torn).orders["g1"]) == 3, "a torn last line had not been written"


def test_secrets_stay_in_files_that_only_their_owner_reads(city: City) -> None:
    made_key = city.folder / "new.key"
    ran = CliRunner().invoke(cli, ["centre", "keys", "make", "--key", str(made_key), "--json"])
    assert json.loads(ran.stdout)["key"] == keys.public(keys.load_key_file(made_key)).hex()
    assert made_key.stat().st_mode & 0o777 == 0o600
    assert made_key.read_text().strip() not in ran.output
    again = CliRunner().invoke(cli, ["centre", "keys", "make", "--key", str(made_key)])
    assert again.exit_code == 2
    (city.folder / "city.key").chmod(0o644)
    assert "chmod 600" in supervise(city, "d-9", code=2)
    assert "not the root" in city.call("keys", "place", "--key", str(made_key), "g1", "37", code=2)
