"""What a stranger found in the verifier in JavaScript: everything gets a verdict, and the right one."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from evidence import cbor, keys
from evidence.pack.export import ExportedSeal, Item, verify_file, write_chain
from evidence.statement import Revoke, sign_statement
from tests.evidence.chains import GATEWAY, Chain, secret
from tests.evidence.javascript import judge, play
from tests.vectors.make import CENTRE, ENROLMENT, FIRST, RECOVERY, Renewed, Teller, beat

CENTRE_KEY = keys.public(CENTRE)
FIRST_KEY = keys.public(secret(1))
OTHER_KEY = keys.public(secret(1, "another"))
ENROLLED = sign_statement(ENROLMENT, CENTRE)
OLD = 1_003
"""Seals: the verifier in JavaScript once kept the last 1,000 of them and could not compare the first."""


def test_a_key_between_two_statements_proves_a_fork_too(tmp_path: Path) -> None:
    tell = Teller("two re-keys before one seal", ENROLLED)
    tell.accepted("the first", tell.chain.seal(), *FIRST)
    between, last = Renewed(tell, "between"), Renewed(tell, "last")
    tell.stated("a re-key", between.rekey(utc_ms=1), "accepted", "rekeyed")
    tell.stated("a later one", last.rekey(utc_ms=2), "accepted", "rekeyed")
    last.go_on(tell)
    forked = evolve(tell.chain, signer_owner="between")
    tell.accepted("the second", tell.chain.seal())
    tell.refused("another under the key between", "fork", forked.seal([beat(77)]).cose)
    (tmp_path / "one.json").write_text(json.dumps({"stories": [tell.story]}), "utf-8")
    assert play(tmp_path)["failures"] == []


def written(path: Path, items: list[Item]) -> Path:
    with path.open("wb") as stream:
        write_chain(stream, GATEWAY, items)
    return path


def test_a_seal_a_thousand_seals_old_is_still_known(tmp_path: Path) -> None:
    chain = Chain()
    made = [chain.seal() for _ in range(OLD)]
    whole: list[Item] = [ENROLLED, *(ExportedSeal(one.cose, None) for one in made)]
    revoke = Revoke(GATEWAY, 1, made[0].hash, 1_767_269_050_000, "stolen")
    ends: list[Item] = [
        sign_statement(revoke, CENTRE),
        sign_statement(evolve(revoke, seal_hash=bytes(31) + b"1"), CENTRE),
        ExportedSeal(made[0].cose, None),
        ExportedSeal(Chain().seal([beat(77)]).cose, None),
    ]
    files = [written(tmp_path / f"{at}.cbor", [*whole, end]) for at, end in enumerate(ends)]
    told = judge(files, centre=CENTRE_KEY)
    assert [one["ok"] for one in told] == [True, False, False, False]
    assert [one["error"].rpartition(" ")[2] for one in told[1:]] == ["invalid", "duplicate", "fork"]
    assert [verify_file(file, centre_key=CENTRE_KEY).ok for file in files] == [True, False, False, False]


def test_items_of_another_form_get_a_verdict(tmp_path: Path) -> None:
    seal = Chain().seal()
    head = b"".join(map(cbor.encode, (["dianjian chain", 2, GATEWAY], ENROLLED)))
    wrong: list[Any] = [[None, seal.body], [0, None], [seal.cose], None, 0, {}]
    wrong += [[seal.cose, body] for body in (0, False, "", [], 1.5, b"")]
    files = []
    for at, item in enumerate(wrong):
        files.append(tmp_path / f"{at}.cbor")
        files[-1].write_bytes(head + cbor.encode(item))
    assert [one["verdict"] for one in judge(files, centre=CENTRE_KEY)] == ["not good"] * len(wrong)
    assert not any(verify_file(file, centre_key=CENTRE_KEY).ok for file in files)


@pytest.mark.parametrize(
    ("statements", "known", "ok"),
    [
        ([], {"first": FIRST_KEY}, True),
        ([], {"first": OTHER_KEY}, False),
        ([], {"centre": CENTRE_KEY}, False),
        ([ENROLLED], {"centre": CENTRE_KEY, "first": FIRST_KEY}, True),
        ([ENROLLED], {"centre": CENTRE_KEY, "first": OTHER_KEY}, False),
        ([ENROLLED], {"centre": OTHER_KEY}, False),
        ([ENROLLED], {"centre": OTHER_KEY, "first": FIRST_KEY}, False),
        ([ENROLLED], {}, False),
        ([ENROLLED], {"first": FIRST_KEY}, True),
        ([ENROLLED], {"first": OTHER_KEY}, False),
        ([sign_statement(evolve(ENROLMENT, gateway="gw-8"), CENTRE)], {"first": FIRST_KEY}, False),
    ],
)
def test_both_verifiers_agree_on_what_a_chain_begins_with(
    statements: list[bytes], known: dict[str, bytes], ok: bool, tmp_path: Path
) -> None:
    chain, files = Chain(), [tmp_path / f"{version}.cbor" for version in (1, 2, 3)]
    sealed = [[one.cose, one.body] for one in (chain.seal(), chain.seal())]
    for version, file in enumerate(files, 1):
        items: list[Any] = [["dianjian chain", version, GATEWAY], *statements, *sealed]
        file.write_bytes(b"".join(map(cbor.encode, items)))
    wanted = [ok and not statements, ok, False]
    assert [told["ok"] for told in judge(files, **known)] == wanted
    ours = (verify_file(file, known.get("first"), centre_key=known.get("centre")) for file in files)
    assert [report.ok for report in ours] == wanted


@pytest.mark.parametrize("by", ["enrolled", "given"])
def test_a_re_key_is_checked_with_the_recovery_key_enrolled_or_given(by: str, tmp_path: Path) -> None:
    tell = Teller("")
    before = tell.chain.seal()
    new = Renewed(tell, "anew")
    raw = new.rekey()
    new.go_on(tell)
    items: list[Item] = [
        ExportedSeal(before.cose, before.body),
        raw,
        ExportedSeal(tell.chain.seal().cose, None),
    ]
    known = (
        {"centre": CENTRE_KEY}
        if by == "enrolled"
        else {"first": FIRST_KEY, "recovery": keys.public(RECOVERY)}
    )
    file = written(tmp_path / "chain.cbor", [ENROLLED, *items] if by == "enrolled" else items)
    (told,) = judge([file], **known)
    assert (told["verdict"], told["but"], told["withheld"]) == ("good, but", ["bodies withheld"], [2])
    known = {"first": FIRST_KEY, "recovery": OTHER_KEY}
    assert not judge([file], **known)[0]["ok"]
