"""The centre: verified once, committed before it is answered, the same whatever comes twice or late."""

import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import hypothesis.strategies as st
import pytest
from attrs import evolve
from hypothesis import given, settings

from centre.answers import Answer
from centre.core import Centre, Incoming
from centre.gateway import parking, reports
from centre.gateway.withheld import LOOK_MS, WITHHELD_MS
from centre.json_lines import JsonLine, JsonLines
from centre.store.contract import CentreStore, Change, MakeReceipt
from centre.store.sqlite import SqliteStore
from disk.database import CommitError
from drivers.points import model
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence import cbor, keys
from evidence.moments import iso_utc
from evidence.receipt import Conflict, Receipt, open_beacon, open_receipt
from evidence.record import MODEL_ID_BYTES, Kind, encode_reading, encode_record
from evidence.seal import StoredSeal
from evidence.statement import Enrolment, Rekey, sign_statement
from tests.evidence.chains import GATEWAY, Chain, secret, stamp
from tests.evidence.records import EPISODE
from wire import messages as wire
from wire.messages import Topics

SECRET = bytes(range(32))
KEY = keys.public(SECRET)
TOPICS = Topics(GATEWAY)
NOW_MS = 1_767_268_800_000 + 3_600_000
SDM = model.load("eastron-sdm630")


ENROLLED = {name: keys.public(secret(1, name)) for name in (GATEWAY, "gw-8")}


def opened(path: Path) -> tuple[SqliteStore, Centre]:
    store = SqliteStore(path)
    for gateway, key in ENROLLED.items():
        store.enrol(gateway, key)
    return store, Centre(store, SECRET)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database, made once: its migrations cost more than the tests."""
    path = tmp_path_factory.mktemp("empty") / "centre.db"
    SqliteStore(path).close()
    return path


@pytest.fixture
def centre(tmp_path: Path, empty: Path) -> Iterator[Centre]:
    store, centre = opened(shutil.copy(empty, tmp_path / "centre.db"))
    with closing(store):
        yield centre


def whole(seal: StoredSeal, topics: Topics = TOPICS) -> Incoming:
    assert seal.body is not None
    return Incoming(topics.seal, wire.encode_seal(seal.cose, seal.body))


def chain_of(*seals: StoredSeal) -> Incoming:
    return Incoming(TOPICS.chain, wire.encode_chain([seal.cose for seal in seals]))


def body_of(seal: StoredSeal) -> Incoming:
    assert seal.body is not None
    return Incoming(TOPICS.body, wire.encode_body(seal.number, seal.body))


def receipt_in(answers: list[Answer]) -> Receipt:
    (answer,) = answers
    assert answer.topic == TOPICS.receipt
    return open_receipt(answer.payload, KEY)


def of(lines: list[JsonLine], kind: str) -> list[JsonLine]:
    return [line for line in lines if line["type"] == kind]


def test_a_seal_is_answered_with_a_receipt_for_its_hash(centre: Centre) -> None:
    seal = Chain().seal()
    answers, lines = centre.handle([whole(seal)], NOW_MS)
    receipt = receipt_in(answers)
    assert (receipt.number, receipt.seal_hash, receipt.bodies_up_to) == (1, seal.hash, 1)
    assert receipt.centre_utc_ms == NOW_MS
    assert of(lines, "seal") == [{"type": "seal", "gateway": GATEWAY, "seal": 1, "count": 1, "body": True}]
    assert of(lines, "record")[0]["body"] == {"beat": 1}
    assert json.dumps(lines)


def test_a_batch_of_any_size_gets_one_receipt(centre: Centre) -> None:
    chain = Chain()
    answers, _ = centre.handle([whole(chain.seal()) for _ in range(50)], NOW_MS)
    assert receipt_in(answers).number == 50


@given(data=st.data())
@settings(deadline=None, max_examples=10, derandomize=True)
def test_order_doubles_batches_and_restarts_change_nothing(data: st.DataObject) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(8)]
    messages = [
        *(data.draw(st.sampled_from([whole(seal), chain_of(seal)])) for seal in seals),
        chain_of(*seals[2:6]),
        *map(body_of, seals),
    ]
    lines: list[JsonLine] = []
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "centre.db"
        store, centre = opened(path)
        for _ in range(20):  # as a gateway does: again and again until a receipt covers everything
            for batch in batches(data.draw(st.permutations(messages + messages[:5])), data):
                lines += centre.handle(batch, NOW_MS)[1]
                if data.draw(st.integers(0, 3)) == 3:
                    store.close()
                    store, centre = opened(path)
            answers, made = centre.handle([whole(seals[-1])], NOW_MS)
            lines += made
            receipt = receipt_in(answers)
            if receipt.bodies_up_to == len(seals):
                break
        stored = [(number, cose, body) for number, cose, body, _ in store.chain(GATEWAY)]
        store.close()
    assert receipt.number == len(seals)
    assert stored == [(seal.number, seal.cose, seal.body) for seal in seals]
    assert [line["seal"] for line in of(lines, "seal")] == list(range(1, 9)), "in order, each once"
    assert sorted(line["record"] for line in of(lines, "record")) == list(range(1, 9)), "each once"


def batches(messages: list[Incoming], data: st.DataObject) -> Iterator[list[Incoming]]:
    size = data.draw(st.integers(1, 10))
    for at in range(0, len(messages), size):
        yield messages[at : at + size]


def test_a_gap_is_parked_asked_for_and_closed(centre: Centre) -> None:
    chain = Chain()
    first, second, third = chain.seal(), chain.seal(), chain.seal()
    receipt = receipt_in(centre.handle([whole(first), whole(third)], NOW_MS)[0])
    assert receipt.number == 1
    assert receipt.conflict == Conflict(2, first.hash)
    answers, lines = centre.handle([whole(second)], NOW_MS)
    assert receipt_in(answers).number == 3
    assert receipt_in(answers).conflict is None
    assert [line["seal"] for line in of(lines, "seal")] == [2, 3]


def test_what_is_parked_has_a_limit(centre: Centre) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(400)]
    centre.handle([whole(seal) for seal in seals[1:]], NOW_MS)
    assert receipt_in(centre.handle([whole(seals[0])], NOW_MS)[0]).number == 257
    assert receipt_in(centre.handle([chain_of(*seals[257:300])], NOW_MS)[0]).number == 300


def test_two_seals_under_one_key_are_a_fork_and_kept_as_proof(centre: Centre) -> None:
    chain = Chain()
    before = chain.seal()
    clone = evolve(chain)
    true, false = chain.seal(), clone.seal([encode_record(Kind.EVENT, stamp(1), {"cloned": True})])
    centre.handle([whole(before), whole(true)], NOW_MS)
    answers, lines = centre.handle([whole(false), whole(false)], NOW_MS)
    receipt = receipt_in(answers)
    assert receipt.seal_hash == true.hash, "the first one stays"
    assert receipt.conflict == Conflict(3, true.hash)
    assert [line["code"] for line in of(lines, "finding")] == ["fork"]
    assert [(number, cose) for number, cose, _ in centre.store.forks(GATEWAY)] == [(2, false.cose)]


@pytest.mark.parametrize(
    ("name", "code"),
    [("forged", "signature"), ("other gateway", "foreign"), ("no seal", "form"), ("no cbor", "form")],
)
def test_what_is_not_a_seal_of_this_chain_is_refused_with_a_finding(
    centre: Centre, name: str, code: str
) -> None:
    forged = Chain().seal(signer=secret(99))
    messages = {
        "forged": whole(forged),
        "other gateway": whole(Chain("gw-8").seal()),
        "no seal": Incoming(TOPICS.seal, wire.encode_seal(b"\xd2no", b"x")),
        "no cbor": Incoming(TOPICS.seal, b"\xff\xff"),
    }
    answers, lines = centre.handle([messages[name]] * 3, NOW_MS)
    assert [line["code"] for line in of(lines, "finding")] == [code], "told once"
    assert not of(lines, "seal")
    assert all(open_receipt(answer.payload, KEY).number == 0 for answer in answers)


def test_one_gap_is_told_once_however_many_seals_come_behind_it(centre: Centre) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(20)]
    _, lines = centre.handle([whole(seal) for seal in seals[5:]], NOW_MS)
    assert [line["code"] for line in of(lines, "finding")] == ["gap"]


def test_a_flood_of_findings_does_not_silence_those_after_it(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "REPORTED_MAX", 20)
    flood = [Incoming(f"{TOPICS.seal}/{n}", b"x") for n in range(3)]
    stranger = Chain("gw-8")
    flood += [whole(stranger.seal()) for _ in range(40)]
    centre.handle(flood, NOW_MS)
    chain = Chain()
    before = chain.seal()
    clone = evolve(chain)
    true, false = chain.seal(), clone.seal([encode_record(Kind.EVENT, stamp(1), {"cloned": True})])
    centre.handle([whole(before), whole(true)], NOW_MS)
    _, lines = centre.handle([whole(false)], NOW_MS)
    assert [line["code"] for line in of(lines, "finding")] == ["fork"]


def test_a_stranger_is_not_answered(centre: Centre) -> None:
    answers, lines = centre.handle([whole(Chain("gw-9").seal(), Topics("gw-9"))] * 2, NOW_MS)
    assert answers == []
    assert [line["gateway"] for line in lines] == ["gw-9"]
    assert list(centre.store.gateways()) == list(ENROLLED)


def test_a_body_must_be_the_one_that_was_sealed(centre: Centre) -> None:
    chain = Chain()
    first, second = chain.seal(), chain.seal()
    centre.handle([chain_of(first, second)], NOW_MS)
    swapped = Incoming(TOPICS.body, wire.encode_body(1, second.body or b""))
    answers, lines = centre.handle([swapped], NOW_MS)
    assert receipt_in(answers).bodies_up_to == 0
    assert [line["code"] for line in of(lines, "finding")] == ["body"]
    answers, lines = centre.handle([body_of(second), body_of(first), body_of(first)], NOW_MS)
    assert receipt_in(answers).bodies_up_to == 2
    assert [line["record"] for line in of(lines, "record")] == [2, 1]


def parts_of(seal: StoredSeal, cut: int) -> list[Incoming]:
    body = seal.body
    assert body is not None
    ends = [*range(cut, len(body), cut), len(body)]
    return [
        Incoming(TOPICS.body, wire.encode_part(seal.number, body, end - (end % cut or cut), end))
        for end in ends
    ]


def large(chain: Chain) -> StoredSeal:
    return chain.seal([random.Random(at).randbytes(150) for at in range(7)])


def test_a_body_in_parts_is_held_when_the_last_came_and_answered_only_then(centre: Centre) -> None:
    seal = large(Chain())
    centre.handle([chain_of(seal)], NOW_MS)
    *parts, last = parts_of(seal, 100)
    assert len(parts) > 9
    assert centre.handle(parts, NOW_MS) == ([], [])
    answers, lines = centre.handle([last], NOW_MS)
    assert receipt_in(answers).bodies_up_to == 1
    assert len(of(lines, "body")) == 1
    answers, lines = centre.handle([*parts, last], NOW_MS)
    assert (receipt_in(answers).bodies_up_to, lines) == (1, [])


def test_parts_in_any_order_and_at_any_size_make_one_body(centre: Centre) -> None:
    seal = large(Chain())
    mixed = [*parts_of(seal, 90)[:6], *parts_of(seal, 64)[3:], parts_of(seal, 300)[1]]
    random.Random(1).shuffle(mixed)
    answers, lines = centre.handle([chain_of(seal), *mixed], NOW_MS)
    assert receipt_in(answers).bodies_up_to == 1
    assert centre.store.seal(GATEWAY, 1) == (seal.cose, seal.body)
    assert len(of(lines, "body")) == 1


def test_a_body_of_parts_that_is_not_the_one_that_was_sealed_is_thrown_away_and_taken_the_next_time(
    centre: Centre,
) -> None:
    seal = large(Chain())
    parts = parts_of(seal, 100)
    assert seal.body is not None
    false = Incoming(TOPICS.body, wire.encode_part(1, bytes(len(seal.body)), 100, 200))
    answers, lines = centre.handle([chain_of(seal), parts[0], false, *parts[2:]], NOW_MS)
    assert receipt_in(answers).bodies_up_to == 0
    assert "body" in [line["code"] for line in of(lines, "finding")]
    answers, _ = centre.handle([false, *parts], NOW_MS)
    assert receipt_in(answers).bodies_up_to == 1, "what comes last counts"


def test_a_part_of_nothing_known_is_not_believed_and_a_stranger_has_no_parts(centre: Centre) -> None:
    chain = Chain()
    seal, later = large(chain), large(chain)
    answers, _ = centre.handle([chain_of(seal), *parts_of(later, 100)], NOW_MS)
    receipt = receipt_in(answers)
    assert (receipt.number, receipt.conflict is not None) == (1, True)
    stranger = Incoming("dj/1/gw-9/body", parts_of(seal, 100)[0].payload)
    answers, lines = centre.handle([stranger], NOW_MS)
    assert (answers, [line["code"] for line in lines]) == ([], ["foreign"])


def test_a_restart_forgets_parts_and_the_next_round_brings_them(tmp_path: Path, empty: Path) -> None:
    seal, path = large(Chain()), shutil.copy(empty, tmp_path / "centre.db")
    parts = parts_of(seal, 100)
    store, centre = opened(path)
    with closing(store):
        centre.handle([chain_of(seal), *parts[:5]], NOW_MS)
    store, centre = opened(path)
    with closing(store):
        assert centre.handle(parts[5:], NOW_MS) == ([], [])
        answers, _ = centre.handle(parts, NOW_MS)
        assert receipt_in(answers).bodies_up_to == 1


def test_a_wrong_body_in_a_whole_seal_leaves_the_seal_and_asks_for_the_right_one(centre: Centre) -> None:
    seal = Chain().seal()
    wrong = Incoming(TOPICS.seal, wire.encode_seal(seal.cose, b"\x81\x41x"))
    answers, lines = centre.handle([wrong, whole(seal)], NOW_MS)
    assert receipt_in(answers).bodies_up_to == 1
    assert [line["body"] for line in of(lines, "seal")] == [False]
    assert of(lines, "record")


def test_a_body_whose_seal_is_not_there_is_asked_for(centre: Centre) -> None:
    chain = Chain()
    first, second = chain.seal(), chain.seal()
    centre.handle([whole(first)], NOW_MS)
    receipt = receipt_in(centre.handle([body_of(second)], NOW_MS)[0])
    assert (receipt.number, receipt.conflict) == (1, Conflict(2, first.hash))


def test_bodies_that_the_gateway_gave_up_are_not_awaited(centre: Centre) -> None:
    chain = Chain()
    lost = [chain.seal() for _ in range(3)]
    drop = chain.seal([encode_record(Kind.DROP, stamp(40), {"first": 1, "last": 3, "why": "room"})])
    answers, lines = centre.handle([chain_of(*lost), whole(drop)], NOW_MS)
    assert receipt_in(answers).bodies_up_to == 4
    assert "drop" in [line["code"] for line in of(lines, "finding")]


def test_nothing_is_answered_when_the_disk_fails(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object, batch: list[Change], __: object) -> None:
        raise CommitError(f"{len(batch)} seals")

    monkeypatch.setattr(SqliteStore, "commit", fails)
    with pytest.raises(CommitError):
        centre.handle([whole(Chain().seal())], NOW_MS)


def test_an_unknown_result_of_a_commit_is_settled_by_the_same_batch(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failed = SqliteStore.commit, []

    def once(store: SqliteStore, batch: list[Change], receipts: dict[str, MakeReceipt]) -> dict[str, bytes]:
        made = real(store, batch, receipts)
        if not failed:
            failed.append(True)
            raise CommitError("written, but who knows")
        return made

    monkeypatch.setattr(SqliteStore, "commit", once)
    assert receipt_in(centre.handle([whole(Chain().seal())], NOW_MS)[0]).number == 1


def test_a_seal_older_than_the_beacon_it_names_is_told(centre: Centre) -> None:
    beacon = centre.answers.make_beacon(NOW_MS, 1)
    assert open_beacon(beacon.payload, KEY).sequence == 1
    seal = Chain().seal(reference=sha256(beacon.payload).digest())
    _, lines = centre.handle([whole(seal)], NOW_MS)
    assert "clock_behind" in [line["code"] for line in of(lines, "finding")]


def test_birth_and_will_are_handed_on(centre: Centre) -> None:
    state = Incoming(TOPICS.state, wire.encode_state(online=False, details={"reason": "will", "type": "x"}))
    assert centre.handle([state], NOW_MS) == (
        [],
        [{"type": "state", "gateway": GATEWAY, "online": False, "reason": "will"}],
    )


# Readings


def manifest(ct_ratio: float = 1.0) -> list[bytes]:
    meter = {"model": SDM.hash[:MODEL_ID_BYTES], "line": "coating", "ct_ratio": ct_ratio, "pt_ratio": 1.0}
    return [
        encode_record(Kind.MANIFEST, stamp(), {"site": "…", "meters": {"m1": meter}}),
        encode_record(Kind.MANIFEST, stamp(), {"models": {SDM.hash[:8].hex(): SDM.table()}}),
    ]


def reading(watts: float = 1234.5, quality: Quality = Quality.GOOD) -> bytes:
    image = SDM.encode({"active_power": watts})
    address = min(address for _, address in image)
    words = b"".join(image[key] for key in sorted(image))
    block = Block(4, address, words)
    good = quality is Quality.GOOD
    return encode_reading(
        Reading(
            meter="m1",
            group=PollGroup.FAST,
            stamp=stamp(5.25),
            model_hash=SDM.hash,
            blocks=(block,) if good else (),
            quality=quality,
            reason="" if good else "no answer",
        )
    )


def test_a_reading_is_decoded_with_the_gateways_own_table(centre: Centre) -> None:
    seal = Chain().seal([*manifest(), reading(), reading(quality=Quality.BAD)])
    good, bad = of(centre.handle([whole(seal)], NOW_MS)[1], "reading")
    assert good == {
        "type": "reading",
        "gateway": GATEWAY,
        "seal": 1,
        "record": 3,
        "at": "2026-01-01T12:00:05.250Z",
        "meter": "m1",
        "line": "coating",
        "group": "fast",
        "clock": "synchronised",
        "quality": "good",
        "manifest": 1,
        "values": {"active_power": 1234.5},
    }
    assert (bad["quality"], bad["reason"], bad["values"]) == ("bad", "no answer", {})


def test_a_reading_before_its_table_waits_for_the_backfill(centre: Centre) -> None:
    chain = Chain()
    early, late = chain.seal(manifest()), chain.seal([reading()])
    _, lines = centre.handle([chain_of(early), whole(late)], NOW_MS)
    assert not of(lines, "reading")
    _, lines = centre.handle([body_of(early)], NOW_MS)
    assert [(line["seal"], line["values"]) for line in of(lines, "reading")] == [
        (2, {"active_power": 1234.5})
    ]


def test_each_reading_is_decoded_with_the_manifest_of_its_time(centre: Centre) -> None:
    assert model.load("eastron-sdm630").point("active_power").ratio is not None
    lines = JsonLines(GATEWAY)
    chain = Chain()
    first, second = chain.seal(manifest()), chain.seal([reading()])
    third, fourth = chain.seal(manifest(10.0)), chain.seal([reading()])
    messages = [whole(first), whole(third), whole(fourth), whole(second)]
    made = [centre.handle([message], NOW_MS)[1] for message in [*messages, messages[1]]]
    found = {line["seal"]: line["manifest"] for part in made for line in of(part, "reading")}
    assert found == {2: 1, 4: 3}
    assert lines.seen_up_to == 0


def test_what_was_learnt_survives_a_restart(tmp_path: Path) -> None:
    chain = Chain()
    store, centre = opened(tmp_path / "centre.db")
    centre.handle([whole(chain.seal(manifest()))], NOW_MS)
    known = centre.lines_of(GATEWAY)
    assert known is not None
    memory = known.encode_memory()
    store.close()
    store, centre = opened(tmp_path / "centre.db")
    again = centre.lines_of(GATEWAY)
    assert again is not None
    again.restore(memory)
    _, lines = centre.handle([whole(chain.seal([reading()]))], NOW_MS)
    store.close()
    assert of(lines, "reading")[0]["values"] == {"active_power": 1234.5}


SPOILT = st.one_of(st.integers(), st.binary(max_size=9), st.text(max_size=9))


@given(memory=st.one_of(SPOILT, st.lists(st.one_of(SPOILT, st.lists(SPOILT, min_size=1)), max_size=4)))
@settings(deadline=None)
def test_a_spoilt_memory_is_refused(memory: object) -> None:
    with pytest.raises(cbor.FormatError):
        JsonLines(GATEWAY).restore(cbor.encode(memory))


def test_an_episode_keeps_its_body_and_bytes_become_text(centre: Centre) -> None:
    body = {**EPISODE, "raw": b"\x01", "at": 5}
    seal = Chain().seal([encode_record(Kind.EPISODE, stamp(), body)])
    (line,) = of(centre.handle([whole(seal)], NOW_MS)[1], "episode")
    assert (line["rule"], line["raw"], line["seal"]) == ("off", "01", 1)
    assert line["sentence"]["zh"] == "停"


@pytest.mark.parametrize(
    ("utc_ms", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (2**63, str(2**63)), (4_102_444_800_123, "2100-01-01T00:00:00.123Z")],
)
def test_times_are_iso_and_absurd_ones_stay_numbers(utc_ms: int, text: str) -> None:
    assert iso_utc(utc_ms) == text


# ---- statements


RECOVERY, FRESH, NEWER = (secret(0, name) for name in ("recovery", "fresh", "newer"))


def with_recovery_key(centre: Centre) -> None:
    key = ENROLLED[GATEWAY]
    enrolment = Enrolment(GATEWAY, "", key, keys.public(RECOVERY), (), 0)
    centre.enrol(GATEWAY, key, enrolment.recovery_key, sign_statement(enrolment, SECRET), NOW_MS)


def rekey_behind(
    seal: StoredSeal, utc_ms: int = 5, signer: bytes = RECOVERY, secret_key: bytes = FRESH
) -> bytes:
    head = GATEWAY, seal.number + 1, seal.hash, seal.first_record + seal.count
    return sign_statement(Rekey(*head, keys.public(secret_key), utc_ms, "lost"), signer)


def stating(raw: bytes) -> Incoming:
    return Incoming(TOPICS.rekey, wire.encode_statement(raw))


def codes(lines: list[JsonLine]) -> list[str]:
    return [line["code"] for line in of(lines, "finding")]


def test_a_rekey_is_applied_stored_told_once_and_answered(centre: Centre) -> None:
    with_recovery_key(centre)
    chain = Chain()
    seals = [chain.seal(), chain.seal()]
    centre.handle(map(whole, seals), NOW_MS)
    raw = rekey_behind(seals[-1])
    answers, lines = centre.handle([stating(raw)], NOW_MS)
    assert (codes(lines), receipt_in(answers).conflict) == (["rekeyed"], None)
    answers, lines = centre.handle([stating(raw), whole(chain.seal(signer=FRESH))], NOW_MS)
    assert (codes(lines), receipt_in(answers).number) == ([], 3)
    assert [number for number, _ in centre.store.statements(GATEWAY)] == [0, 3]
    assert centre.store.stated_keys(GATEWAY, 3) == [keys.public(FRESH)]


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "several batches"])
def test_a_seal_under_the_key_of_a_rekey_that_a_younger_one_replaced_is_kept_as_a_fork(
    centre: Centre, at_once: bool
) -> None:
    with_recovery_key(centre)
    chain = Chain()
    one = chain.seal()
    other, younger = evolve(chain), rekey_behind(one, 6, secret_key=NEWER)
    fork = whole(other.seal([b"other"], signer=FRESH))
    taken = [whole(one), stating(rekey_behind(one)), stating(younger), whole(chain.seal(signer=NEWER)), fork]
    lines = []
    for batch in [taken] if at_once else [[message] for message in taken]:
        lines += centre.handle(batch, NOW_MS)[1]
    assert codes(lines)[-1] == "fork"
    assert [number for number, _ in centre.store.statements(GATEWAY)] == [0, 2, 2]
    assert [number for number, _, _ in centre.store.forks(GATEWAY)] == [2]


@given(data=st.data())
@settings(deadline=None, max_examples=15, derandomize=True)
def test_a_rekey_in_any_order_with_seals_on_both_sides_and_restarts_changes_nothing(
    data: st.DataObject,
) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(3)]
    raw = rekey_behind(seals[-1])
    seals += [chain.seal(signer=FRESH), chain.seal(), chain.seal()]
    messages = [stating(raw), *map(whole, seals)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "centre.db"
        store, centre = opened(path)
        with_recovery_key(centre)
        for _ in range(20):
            for batch in batches(data.draw(st.permutations([*messages, stating(raw)])), data):
                centre.handle(batch, NOW_MS)
                if data.draw(st.booleans()):
                    store.close()
                    store, centre = opened(path)
            if store.state(GATEWAY).number == len(seals):
                break
        assert store.state(GATEWAY).number == len(seals)
        assert store.forks(GATEWAY) == []
        assert [number for number, _ in store.statements(GATEWAY)] == [0, 4]
        store.close()


def test_a_seal_that_came_before_its_rekey_is_accepted_with_it(centre: Centre) -> None:
    with_recovery_key(centre)
    chain = Chain()
    first = chain.seal()
    second, third = chain.seal(signer=FRESH), chain.seal()
    centre.handle([whole(first)], NOW_MS)
    answers, _ = centre.handle([whole(third)], NOW_MS)
    assert receipt_in(answers).conflict == Conflict(2, first.hash)
    answers, _ = centre.handle([stating(rekey_behind(first)), whole(second)], NOW_MS)
    assert receipt_in(answers).number == 3


def test_a_rekey_before_the_backlog_that_leads_to_it_asks_for_nothing(centre: Centre) -> None:
    with_recovery_key(centre)
    chain = Chain()
    seals = [chain.seal() for _ in range(4)]
    raw = rekey_behind(seals[-1])
    for batch in ([stating(raw), whole(seals[0])], [whole(seals[1])]):
        answers, lines = centre.handle(batch, NOW_MS)
        assert receipt_in(answers).conflict is None
        assert "rekeyed" not in codes(lines)
    _, lines = centre.handle([*map(whole, seals[2:]), whole(chain.seal(signer=FRESH))], NOW_MS)
    assert codes(lines).count("rekeyed") == 1
    assert centre.store.state(GATEWAY).number == 5


def test_a_rekey_that_contradicts_an_accepted_seal_is_kept_as_proof_and_changes_nothing(
    centre: Centre,
) -> None:
    with_recovery_key(centre)
    chain = Chain()
    seals = [chain.seal(), chain.seal(), chain.seal()]
    centre.handle(map(whole, seals), NOW_MS)
    before = centre.store.state(GATEWAY)
    raw = rekey_behind(seals[0])
    for expected in (["fork"], []):
        answers, lines = centre.handle([stating(raw)], NOW_MS)
        assert codes(lines) == expected
        assert receipt_in(answers).number == 3
    assert centre.store.forks(GATEWAY) == [(2, raw, NOW_MS)]
    assert centre.store.state(GATEWAY) == before
    answers, _ = centre.handle([whole(chain.seal())], NOW_MS)
    assert receipt_in(answers).number == 4


@pytest.mark.parametrize("signer", [secret(3), SECRET, FRESH])
def test_a_rekey_that_the_recovery_key_has_not_signed_changes_nothing(centre: Centre, signer: bytes) -> None:
    with_recovery_key(centre)
    chain = Chain()
    seal = chain.seal()
    centre.handle([whole(seal)], NOW_MS)
    _, lines = centre.handle([stating(rekey_behind(seal, signer=signer))], NOW_MS)
    assert codes(lines) == ["statement"]
    assert centre.store.state(GATEWAY).next_key == keys.public(secret(2))
    assert [number for number, _ in centre.store.statements(GATEWAY)] == [0]


@pytest.mark.parametrize("payload", [b"", b"\x40", b"\xff", cbor.encode([1]), cbor.encode(b"x" * 513)])
def test_what_is_no_statement_is_told_and_forgotten(centre: Centre, payload: bytes) -> None:
    answers, lines = centre.handle([Incoming(TOPICS.rekey, payload)], NOW_MS)
    assert (answers, codes(lines)) == ([], ["form"])


def test_more_statements_than_are_parked_are_forgotten(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "STATEMENTS_PARKED_MAX", 2)
    with_recovery_key(centre)
    seal = Chain(number=9, previous=b"x" * 32).seal()
    centre.handle([stating(rekey_behind(seal, utc_ms)) for utc_ms in range(5)], NOW_MS)
    held = centre._chains.find(GATEWAY)
    assert held is not None
    assert len(held.parking._statements) == 2


def test_a_commit_of_a_statement_with_an_unknown_result_is_made_again(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_recovery_key(centre)
    chain = Chain()
    seal = chain.seal()
    commit = centre.store.commit
    failing = [True]

    def once(batch: list[Change], receipts: dict[str, MakeReceipt]) -> dict[str, bytes]:
        made = commit(batch, receipts)
        if failing.pop():
            failing.append(False)
            raise CommitError("EIO")
        return made

    monkeypatch.setattr(centre.store, "commit", once)
    monkeypatch.setattr(centre.store, "reopen", lambda: None)
    centre.handle([whole(seal), stating(rekey_behind(seal)), whole(chain.seal(signer=FRESH))], NOW_MS)
    assert centre.store.state(GATEWAY).number == 2
    assert [number for number, _ in centre.store.statements(GATEWAY)] == [0, 2]


def test_a_body_that_does_not_come_is_told_once_whatever_restarts_come_between(centre: Centre) -> None:
    chain, told = Chain(), list[JsonLine]()
    withheld = chain_of(chain.seal())
    centre.handle([withheld], NOW_MS)
    for life in (centre, Centre(centre.store, SECRET)):
        for minute in range(1, 2 * WITHHELD_MS // LOOK_MS):
            utc_ms = NOW_MS + minute * LOOK_MS
            told += of(life.handle([withheld], utc_ms)[1], "finding")
    assert [(line["code"], line["seal"]) for line in told] == [("withheld", 1)]


# What was told, over restarts


def lived_again(store: CentreStore) -> Centre:
    """The next life of the process, over the same store."""
    return Centre(store, SECRET)


def told_by(centre: Centre, message: Incoming, at_ms: int) -> list[str]:
    return codes(centre.handle([message], at_ms)[1])


DAY_MS = 86_400_000


def test_a_fact_about_a_seal_is_told_once_over_restarts_and_a_malformed_message_once_a_day(
    centre: Centre,
) -> None:
    chain = Chain()
    centre.handle([whole(chain.seal())], NOW_MS)
    clone = evolve(chain)
    true, false = chain.seal(), clone.seal([encode_record(Kind.EVENT, stamp(1), {"cloned": True})])
    centre.handle([whole(true)], NOW_MS)
    broken = Incoming(TOPICS.seal, b"\xff\xff")
    assert told_by(centre, whole(false), NOW_MS) == ["fork"]
    assert told_by(centre, broken, NOW_MS) == ["form"]
    for day, expected in ((0, []), (1, ["form"]), (1, []), (2, ["form"])):
        centre = lived_again(centre.store)
        assert told_by(centre, whole(false), NOW_MS + day * DAY_MS) == []
        assert told_by(centre, broken, NOW_MS + day * DAY_MS) == expected
        assert told_by(centre, broken, NOW_MS + day * DAY_MS) == []


def test_a_gap_that_is_still_open_is_not_told_again_and_the_next_one_is(centre: Centre) -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(9)]
    assert told_by(centre, whole(seals[3]), NOW_MS) == ["gap"]
    centre = lived_again(centre.store)
    assert told_by(centre, whole(seals[4]), NOW_MS) == []
    centre.handle([whole(seal) for seal in seals[:5]], NOW_MS)
    assert told_by(centre, whole(seals[7]), NOW_MS) == ["gap"]


def test_a_malformed_message_of_one_gateway_hides_that_of_no_other(centre: Centre) -> None:
    other = Topics("gw-8")
    lines = centre.handle([Incoming(one.seal, b"\xff") for one in (TOPICS, other, TOPICS)], NOW_MS)[1]
    assert [(line["gateway"], line["code"]) for line in lines] == [(GATEWAY, "form"), ("gw-8", "form")]


def test_a_pause_is_told_though_the_centre_was_restarted_in_it(centre: Centre) -> None:
    chain = Chain()
    centre.handle([whole(chain.seal(at=stamp(at))) for at in (10, 20)], NOW_MS)
    centre = lived_again(centre.store)
    assert told_by(centre, whole(chain.seal(at=stamp(400))), NOW_MS) == ["pause"]
    centre = lived_again(centre.store)
    assert told_by(centre, whole(chain.seal(at=stamp(410))), NOW_MS) == [], "and once"
