"""The byte-level examples: they are what `tests/vectors/make.py` makes, our verifier agrees with them, and
so does a second one in JavaScript, which also refuses every mutation of every message in them."""

import json
from collections import defaultdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from evidence import keys
from evidence.cbor import FormatError
from evidence.chain import ChainState, Code, Outcome
from evidence.clues.check import check_ledger
from evidence.continuation import continue_chain, open_enrolment
from evidence.orders.newest import parse_newest
from evidence.orders.order import parse_order
from evidence.orders.trust import Reason, Trust
from evidence.pack.export import ExportedSeal, Item, verify_file, write_chain
from evidence.receipt import open_beacon, open_receipt
from evidence.record import Kind, encode_record
from evidence.seal import open_body, peek_header
from evidence.statement import sign_statement
from evidence.verify import accept, check_records
from tests.evidence.chains import GATEWAY, Chain, stamp
from tests.evidence.javascript import judge, play
from tests.evidence.records import is_taken
from tests.vectors.make import CENTRE, ENROLMENT, files, written

HERE: Final = Path(__file__).parent.parent
VECTORS: Final = HERE / "vectors"
NAMES: Final = sorted(path.name for path in VECTORS.glob("*.json"))
MUTATIONS_LEAST: Final = 49_000


def loaded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((VECTORS / name).read_text("utf-8"))
    return content


STORIES: Final = [
    pytest.param(story, id=story["say"]) for name in NAMES for story in loaded(name).get("stories", ())
]
MESSAGES: Final = [
    pytest.param(message, id=message["say"]) for message in loaded("messages.json")["messages"]
]

RECORDS: Final[list[dict[str, Any]]] = loaded("records.json")["records"]
SENT: Final = loaded("orders_sent.json")
ORDERS: Final[list[dict[str, Any]]] = SENT["orders"]


def test_the_files_are_what_is_made_today() -> None:
    made = dict(files())
    assert sorted(made) == NAMES
    for name, content in made.items():
        assert json.loads(written(opened(content))) == opened(loaded(name)), name


def opened(content: dict[str, Any]) -> dict[str, Any]:
    """`content` with the records of each good body in its place: another zlib deflates otherwise."""
    for story in content.get("stories", ()):
        for step in story["steps"]:
            if step["body_held"]:
                header = peek_header(bytes.fromhex(step["put"]))
                step["body"] = [row.hex() for row in open_body(header, bytes.fromhex(step["body"]))]
            elif "stream" in step["say"] or "inflates" in step["say"] or story["say"] == "compressed bodies":
                step["body"] = "refused"
    return content


@pytest.mark.parametrize("story", STORIES)
def test_our_verifier_agrees_with_every_step(story: dict[str, Any]) -> None:
    centre_key = bytes.fromhex(story.get("centre_key", ""))
    state = ChainState.enrolled(story["gateway"], bytes.fromhex(story["first_key"]))
    if centre_key:
        state, _ = open_enrolment(bytes.fromhex(story["enrolment"]), centre_key)
    known: dict[int, bytes] = {}
    stated: defaultdict[int, list[bytes]] = defaultdict(list)
    applied: set[bytes] = set()
    for step in story["steps"]:
        raw = bytes.fromhex(step["put"])
        body = None if step["body"] is None else bytes.fromhex(step["body"])
        if step["kind"] == "statement":
            verdict = continue_chain(
                state, raw, centre_key, stored=known.get, applied=lambda digest: digest in applied
            )
            if verdict.outcome is Outcome.ACCEPTED:
                applied.add(sha256(raw).digest())
                stated[state.number + 1].append(verdict.state.next_key)
        else:
            received = step.get("received_utc_ms")
            verdict = accept(state, raw, body, received, stored=known.get, stated_keys=stated.__getitem__)
            if verdict.outcome is Outcome.ACCEPTED:
                known[verdict.state.number] = raw
        state = verdict.state
        findings = [*verdict.findings]
        if verdict.header is not None:
            findings += check_records(verdict.records or (), verdict.header)
        found = {
            "outcome": verdict.outcome.value,
            "number": state.number,
            "hash": state.hash.hex(),
            "findings": sorted({finding.code.value for finding in findings})
            if verdict.outcome is Outcome.ACCEPTED
            else [],
            "body_held": verdict.records is not None,
        }
        assert found == {name: step[name] for name in found}, step["say"]


@pytest.mark.parametrize("message", MESSAGES)
def test_our_verifier_agrees_with_every_message(message: dict[str, Any]) -> None:
    key = bytes.fromhex(loaded("messages.json")["centre_key"])
    open_ = {"receipt": open_receipt, "beacon": open_beacon, "enrolment": open_enrolment}[message["kind"]]
    try:
        open_(bytes.fromhex(message["put"]), key)
    except FormatError:
        assert not message["good"]
    else:
        assert message["good"]


def test_our_decoder_agrees_with_every_record() -> None:
    assert [one["say"] for one in RECORDS if is_taken(bytes.fromhex(one["put"])) != one["good"]] == []


CLUES: Final = loaded("clues.json")


@pytest.mark.parametrize("one", CLUES["ledgers"], ids=[one["say"] for one in CLUES["ledgers"]])
def test_our_check_agrees_with_every_ledger_of_clues(one: dict[str, Any]) -> None:
    pool = list(map(bytes.fromhex, CLUES["pool"]))
    trust = Trust(bytes.fromhex(CLUES["root"]), [pool[at] for at in one["statements"]])
    end = None if one["end"] is None else pool[one["end"]]
    checked = check_ledger([pool[at] for at in one["steps"]], end, trust)
    assert [[wrong.fault.value, wrong.seq] for wrong in checked.wrong] == one["wrong"]


@pytest.mark.parametrize("one", ORDERS)
def test_our_verifier_agrees_with_every_order_and_number(one: dict[str, Any]) -> None:
    name, trust = (
        SENT["gateway"],
        Trust(bytes.fromhex(SENT["root"]), [*map(bytes.fromhex, one["statements"])]),
    )
    raw = bytes.fromhex(one["put"])
    try:
        if one["kind"] == "order":
            found = trust.judge(parse_order(raw), name)
            reason = found.value if isinstance(found, Reason) else ""
        else:
            newest = parse_newest(raw)
            reason = "" if newest.newest.gateway == name else "gateway"
            reason = reason if trust.is_receipt_key(newest) else "key"
    except FormatError:
        reason = "form"
    assert reason == one["reason"]


def test_a_verifier_in_javascript_agrees_and_accepts_no_mutation() -> None:
    told = play(VECTORS)
    assert told["failures"] == []
    steps = sum(len(param.values[0]["steps"]) for param in STORIES)  # type: ignore[call-overload,index]
    steps += len(MESSAGES) + len(RECORDS) + len(ORDERS) + len(CLUES["ledgers"])
    assert told["steps"] == steps
    assert told["mutations"] >= MUTATIONS_LEAST


def exported(path: Path) -> None:
    """The story of a re-keyed chain as a file: what was accepted of it."""
    story = loaded("rekeyed.json")["stories"][0]
    items: list[Item] = [bytes.fromhex(story["enrolment"])]
    for step in story["steps"]:
        if step["outcome"] == "accepted":
            raw = bytes.fromhex(step["put"])
            is_seal = step["kind"] == "seal"
            items.append(ExportedSeal(raw, bytes.fromhex(step["body"])) if is_seal else raw)
    with path.open("wb") as stream:
        write_chain(stream, story["gateway"], items)


def test_a_verifier_in_javascript_reads_an_exported_chain_and_refuses_one_that_was_changed(
    tmp_path: Path,
) -> None:
    file = tmp_path / "chain.cbor"
    exported(file)
    centre_key = keys.public(CENTRE)
    report = verify_file(file, centre_key=centre_key)
    (told,) = judge([file], centre=centre_key)
    assert told == {
        "ok": True,
        "verdict": "good",
        "but": [],
        "seals": 4,
        "statements": 2,
        "records": report.records,
        "withheld": [],
        "malformed": 0,
        "tip": report.tip_hash.hex(),
        "error": "",
    }
    raw = file.read_bytes()
    changed = []
    for at in range(0, len(raw), len(raw) // 12):
        changed.append(tmp_path / f"{at}.cbor")
        changed[-1].write_bytes(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :])
    assert not any(told["ok"] for told in judge(changed, centre=centre_key))
    assert not any(verify_file(one, centre_key=centre_key).ok for one in changed)


def test_both_verifiers_name_what_is_withheld_and_malformed_and_refuse_a_file_without_seals(
    tmp_path: Path,
) -> None:
    file, centre_key = tmp_path / "chain.cbor", keys.public(CENTRE)
    chain = Chain()
    lost = encode_record(Kind.LOST_TAIL, stamp(70), {"first": 2, "last": 3, "recovered": 2})
    seals = [chain.seal() for _ in range(5)]
    seals += [chain.seal([lost, b"\xff"]), chain.seal()]
    kept = [ExportedSeal(one.cose, None if one.number in {2, 3, 4, 7} else one.body) for one in seals]
    for items in ([sign_statement(ENROLMENT, CENTRE), *kept], [sign_statement(ENROLMENT, CENTRE)]):
        with file.open("wb") as stream:
            write_chain(stream, GATEWAY, items)
        report, (told,) = verify_file(file, centre_key=centre_key), judge([file], centre=centre_key)
        assert report.ok == told["ok"] == (len(items) > 1)
        assert [n for first, last in report.withheld for n in range(first, last + 1)] == told["withheld"]
        assert told["withheld"] == ([4, 7] if len(items) > 1 else [])
        assert report.counts[Code.RECORD] == told["malformed"] == int(len(items) > 1)
