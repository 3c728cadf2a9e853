"""A gateway that signs what it likes never ends the centre, never slows it for another, and stays small."""

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import define

from centre.batch.statements import REKEYS_MAX
from centre.core import SET_ASIDE, Centre, Incoming
from centre.gateway import budget, waiting
from centre.gateway.changes import CHANGES_MAX
from centre.gateway.manifests import DECODER_POINTS_MAX, MODELS_MAX
from centre.json_lines import JsonLine, JsonLines, as_text
from centre.store.sqlite import SqliteStore
from evidence import cbor
from evidence.held import HELD_RANGES_MAX, Held
from tests.centre.gateway.hostile import EVIL, HONEST, T0_MS, Hostile, fresh, reading, record, table

SECRET = bytes(range(32))
MIB = 1 << 20


@define
class Life:
    """A centre with one hostile and one honest gateway, and the same one after a restart."""

    path: Path
    store: SqliteStore
    centre: Centre

    def restart(self) -> Centre:
        self.store.close()
        self.store = SqliteStore(self.path)
        self.centre = Centre(self.store, SECRET)
        return self.centre

    def take(self, *messages: Incoming) -> list[JsonLine]:
        lines = self.centre.handle(messages, T0_MS)[1]
        for line in lines:
            assert as_text(line).isprintable()
        return lines


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    path = fresh(tmp_path)
    store = SqliteStore(path)
    life = Life(path, store, Centre(store, SECRET))
    yield life
    life.store.close()


def codes(lines: list[JsonLine]) -> list[str]:
    return [line["code"] for line in lines if line["type"] == "finding"]


def test_the_honest_one_is_served_after_each_of_the_attacks(life: Life) -> None:
    evil, honest = Hostile(), Hostile(HONEST)
    for number, attack in enumerate(ATTACKS.values(), 1):
        life.take(*attack(evil))
        answers, _ = life.centre.handle([honest.send(record(3, {"beat": number}))], T0_MS)
        assert [answer.topic for answer in answers] == [f"dj/1/{HONEST}/receipt"]
        life.restart()
        assert life.store.state(HONEST).number == number


def odd_lines(evil: Hostile) -> list[Incoming]:
    raw, model = table()
    odd: list[Any] = [b"x", {"a": b"x"}, [b"1"], "\x9b31m\u202e\x7f", 5, None, "x" * 5_000, 1.5, True]
    return [
        evil.send(
            record(2, {"meters": {"m1": {"line": one, "ct_ratio": one}}, "models": {model.hex(): raw}}),
            reading(model=model),
            record(16, {"what": "\x9b31m\u202e\x7f", "more": one}),
        )
        for one in odd
    ]


def records_of_nothing(evil: Hostile) -> list[Incoming]:
    return [evil.send(*[b"\0"] * 16_000)]


def events_of_nothing(evil: Hostile) -> list[Incoming]:
    return [evil.send(*[record(16, {})] * 3_500)]


def waiting_readings(evil: Hostile) -> list[Incoming]:
    seals = [evil.send(*[reading()] * 500) for _ in range(20)]
    return [*seals, evil.send(*[record(2, {"meters": {}})] * 200)]


def large_tables(evil: Hostile) -> list[Incoming]:
    made = [table(200, f"t{at}") for at in range(20)]
    return [evil.send(record(2, {"models": {model.hex(): raw}})) for raw, model in made]


def shapes(evil: Hostile) -> list[Incoming]:
    raw, model = table(200)
    first = record(2, {"meters": {"m1": {}}, "models": {model.hex(): raw}})
    readings = [reading(model=model, words=bytes(2 * at)) for at in range(1, 120)]
    return [evil.send(first), evil.send(*readings), evil.send(*readings)]


def holes(evil: Hostile) -> list[Incoming]:
    gone = {"first": 1, "last": 1, "why": ""}
    seals = [evil.seal([record(7, gone)]) for _ in range(64)]
    return [
        evil.chain(*[cose for cose, _ in seals]),
        *(evil.late(2 * at, seals[2 * at - 1][1]) for at in range(1, 4)),
    ]


def rekeys(evil: Hostile) -> list[Incoming]:
    return [evil.rekey(f"\x1b[2J{at}", T0_MS + at) for at in range(1, 40)]


def site_files(evil: Hostile) -> list[Incoming]:
    texts = [
        "a = 1",
        "a = ",
        "\x00",
        "[[meter]]\nid = 1\n",
        "x = " + "[" * 5_000,
        "[[meter]]\nid = 'm'\nct = nan\n",
    ]
    return [evil.send(record(2, {"meters": {"m": {}}, "site": one, "linkages": {"k": one}})) for one in texts]


def odd_statements(evil: Hostile) -> list[Incoming]:
    del evil
    topic = f"dj/1/{EVIL}/rekey"
    return [Incoming(topic, raw) for raw in (b"", b"\x40", b"\x58\x20" + bytes(32), bytes(600))]


def states(evil: Hostile) -> list[Incoming]:
    del evil
    topic = f"dj/1/{EVIL}/state"
    texts = [
        '{"state":"online","x":"\\u009b"}',
        "[" * 2_000,
        '{"state":"online","seal":{}}',
        '{"state":1e999}',
    ]
    return [Incoming(topic, text.encode()) for text in texts]


ATTACKS: dict[str, Callable[[Hostile], list[Incoming]]] = {
    one.__name__: one
    for one in (
        odd_lines, records_of_nothing, waiting_readings, large_tables, shapes, holes, site_files,
        odd_statements, states, events_of_nothing, rekeys,
    )
}  # fmt: skip


def test_a_clone_s_seal_is_rightly_signed_and_kept_as_a_fork(life: Life) -> None:
    evil = Hostile()
    life.take(evil.send(record(3, {})))
    before = evil.clone()
    life.take(evil.send(record(3, {})))
    assert codes(life.take(before.send(record(16, {"cloned": True})))) == ["fork"]
    assert [number for number, _, _ in life.store.forks(EVIL)] == [2]


def test_a_seal_of_unreadable_records_is_one_line_of_finding(life: Life) -> None:
    lines = life.take(*records_of_nothing(Hostile()))
    assert codes(lines).count("record") == 1
    assert len(lines) <= 5
    assert sum(len(as_text(line)) for line in lines) < 2_000


def test_more_work_than_an_honest_body_takes_sets_aside_until_it_is_readmitted(life: Life) -> None:
    evil = Hostile()
    lines = life.take(evil.send(*[cbor.encode([16, 0, 0, 0, {}])] * 9_000))
    assert codes(lines)[-1] == SET_ASIDE
    number = life.store.state(EVIL).number
    centre = life.restart()
    assert centre.handle([evil.send(record(3, {}))], T0_MS) == ([], []), "not read, not even after a restart"
    assert life.store.state(EVIL).number == number
    assert codes(centre.readmit(EVIL, 1, T0_MS)) == ["readmitted"]
    assert centre.readmit(EVIL, 1, T0_MS) == [], "a line of the register lets in once"
    answers, _ = centre.handle([evil.send(record(3, {}))], T0_MS)
    assert len(answers) == 1, "it is asked for what was not read"
    life.restart()
    assert not life.centre.is_aside(EVIL)


def test_a_quota_of_the_disk_that_ten_days_do_not_fill_sets_aside(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "DISK_BYTES_PER_DAY", 1_000)
    evil = Hostile()
    for _ in range(10):
        assert SET_ASIDE not in codes(life.take(evil.send(record(3, {"x": bytes(200)}))))
    assert SET_ASIDE in codes(life.take(evil.send(record(3, {"x": Random(1).randbytes(9_000)}))))


def test_lines_that_were_handed_on_are_counted(life: Life) -> None:
    evil = Hostile()
    life.take(evil.send(record(3, {})))
    life.centre.charge(EVIL, budget.LINE_BYTES_PER_DAY * (budget.BACKLOG_DAYS + 1))
    assert SET_ASIDE in codes(life.take(evil.send(record(3, {}))))


def test_a_message_that_makes_the_centre_fail_is_its_gateways_finding(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil, honest = Hostile(), Hostile(HONEST)
    life.take(evil.send(record(3, {})))

    def fails(*_: object) -> list[JsonLine]:
        raise ZeroDivisionError("not foreseen")

    whole = JsonLines.of_body

    def of_body(lines: JsonLines, *rest: Any) -> list[JsonLine]:
        return fails() if lines.gateway == EVIL else whole(lines, *rest)

    monkeypatch.setattr(JsonLines, "of_body", of_body)
    found: list[str] = []
    for number in range(1, budget.FAULTS_MAX + 1):
        answers, lines = life.centre.handle([evil.send(record(3, {})), honest.send(record(3, {}))], T0_MS)
        assert f"dj/1/{HONEST}/receipt" in [answer.topic for answer in answers]
        assert life.store.state(HONEST).number == number
        found += codes(lines)
    assert [code for code in found if code in {"fault", SET_ASIDE}] == ["fault", SET_ASIDE]


def test_readings_that_wait_are_bounded_and_told_where_they_do_not_fit(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = Hostile()
    monkeypatch.setattr(waiting, "WAITING_BYTES_MAX", MIB // 4)
    rows = [reading(model=bytes(8))] * 400
    tracemalloc.start()
    lines = [line for _ in range(8) for line in life.take(evil.send(*rows))]
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 3 * MIB
    assert "waiting" in codes(lines)


def test_tables_and_the_decoders_of_their_shapes_are_bounded(life: Life) -> None:
    evil = Hostile()
    life.take(*(evil.send(record(2, {"models": {"x": table(2, f"t{at}")[0]}})) for at in range(MODELS_MAX)))
    lines = life.take(evil.send(record(2, {"models": {"x": table(3)[0]}})))
    assert "model" in codes(lines), "one more than is kept"
    other = Hostile(HONEST)
    life.take(*shapes(other))
    known = life.centre.lines_of(HONEST)._known
    kept = sum(model.count_decoders() * len(model.points) for model in known.models.values())
    assert 0 < kept <= DECODER_POINTS_MAX


def test_holes_beyond_the_bound_are_not_taken_and_come_again_when_there_is_room(life: Life) -> None:
    evil = Hostile()
    held = Held()
    for number in range(2, 2 * HELD_RANGES_MAX + 2, 2):
        assert held.add(number)
    assert not held.add(2 * HELD_RANGES_MAX + 4)
    assert Held.from_cbor(held.to_cbor()) == held
    life.store._gateways[EVIL].held = held
    seals = [evil.seal([record(3, {})]) for _ in range(8)]
    life.take(evil.chain(*[cose for cose, _ in seals]))
    life.take(*(evil.late(number, seals[number - 1][1]) for number in (1, 3, 5, 7)))
    assert life.store.held(EVIL).up_to == 8
    assert len(life.store.held(EVIL).ranges) == HELD_RANGES_MAX - 4
    life.restart()


def test_a_body_without_room_is_accepted_without_it(life: Life) -> None:
    evil = Hostile()
    held = Held()
    for number in range(100, 2 * HELD_RANGES_MAX + 100, 2):
        held.add(number)
    life.store._gateways[EVIL].held = held
    cose, _ = evil.seal([record(3, {})])
    life.take(evil.chain(cose))
    second = evil.send(record(3, {}))
    lines = life.take(second)
    assert [line["body"] for line in lines if line["type"] == "seal"] == [False]
    assert life.store.seal(EVIL, 2) == (life.store.cose(EVIL, 2), None)


def test_a_recovery_key_gives_one_seal_a_few_keys_and_no_more(life: Life) -> None:
    evil = Hostile()
    life.take(evil.send(record(3, {})))
    found = codes(life.take(*rekeys(evil)))
    assert len(life.store.statements(EVIL)) == REKEYS_MAX
    assert found.count("rekeyed") == 1
    assert "statement" in found


def test_a_change_of_the_site_file_is_told_with_old_and_new_value(life: Life) -> None:
    evil = Hostile()

    def manifest(text: str, **meters: Any) -> bytes:
        return record(2, {"site": text, "meters": meters, "linkages": {}})

    base = (
        "[[linkage]]\nid = 'k1'\nofftime_s = 60\n[[linkage]]\nid = 'k2'\n[[line]]\nid = 'p1'\nrated_kw = 15\n"
    )
    assert "config" not in codes(life.take(evil.send(manifest(base, m1={"ct_ratio": 40.0}))))
    remark = manifest(base + "# a remark\n", m1={"ct_ratio": 40.0})
    assert "config" not in codes(life.take(evil.send(remark)))
    life.centre.lines_of(EVIL).restore(life.centre.lines_of(EVIL).encode_memory())
    other = base.replace("[[linkage]]\nid = 'k2'\n", "").replace("= 15", "= 225")
    lines = life.take(evil.send(manifest(other, m1={"ct_ratio": 60.0})))
    told = {line["what"]: (line["old"], line["new"]) for line in lines if line.get("code") == "config"}
    assert told == {
        "line.p1.rated_kw": (15.0, 225.0), "meter.m1.ct_ratio": (40.0, 60.0),
        "linkage.k2": ("linkage.k2.id=k2", None),
    }  # fmt: skip


def told_changes(lines: list[JsonLine]) -> list[tuple[Any, ...]]:
    return [(line["what"], line["old"], line["new"]) for line in lines if line.get("code") == "config"]


def test_changes_of_the_site_file_within_one_seal_are_told_each(life: Life) -> None:
    """The last manifest of a seal holds for its readings: what it says must not hide behind the first."""
    evil = Hostile()
    site = {"site": "[[line]]\nid = 'p1'\nrated_kw = 15\n"}
    at = [record(2, {**site, "meters": {"m1": {"ct_ratio": ratio}}}) for ratio in (40.0, 60.0, 80.0)]
    assert told_changes(life.take(evil.send(at[0]))) == []
    name = "meter.m1.ct_ratio"
    assert told_changes(life.take(evil.send(at[1], at[2], at[0]))) == [
        (name, 40.0, 60.0), (name, 60.0, 80.0), (name, 80.0, 40.0),
    ]  # fmt: skip
    assert told_changes(life.take(evil.send(at[0], at[2]))) == [(name, 40.0, 80.0)]
    assert life.centre.lines_of(EVIL).config(name, 3) == 80.0
    assert told_changes(life.take(evil.send(at[2]))) == []


@pytest.mark.parametrize("site", ["", "a = [", "[[line]]\nid = 'p1'\nrated_kw = 225\n"])
def test_a_manifest_without_meters_is_a_change_too(life: Life, site: str) -> None:
    evil = Hostile()
    base = {"site": "[[line]]\nid = 'p1'\nrated_kw = 15\n", "meters": {"m1": {"ct_ratio": 40.0}}}
    life.take(evil.send(record(2, base)))
    assert told_changes(life.take(evil.send(record(2, {"learned": {}}), record(2, {"models": {}})))) == []
    lines = life.take(evil.send(record(2, {"site": site})))
    told = {what: new for what, _, new in told_changes(lines)}
    assert "meter.m1.ct_ratio" in told or "meter.m1" in told
    assert len(told) > 1 or not site


def test_a_manifest_that_changes_everything_is_a_bounded_number_of_findings(life: Life) -> None:
    evil = Hostile()
    for turn in range(2):
        rows = {f"m{at}": {"ct_ratio": float(1 + turn + at)} for at in range(500)}
        lines = life.take(evil.send(record(2, {"meters": rows})))
    assert codes(lines).count("config") == CHANGES_MAX + 1
