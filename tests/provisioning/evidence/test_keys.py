"""Evidence of a gateway that has lost its keys: the statement about the new ones is in the pack."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from click.testing import CliRunner

from agent.sealing import statements
from agent.site.enrolment import write_enrolment
from agent.store.gateway import GatewayStore
from centre.store.contract import Accepted, Applied
from centre.store.sqlite import SqliteStore
from evidence import keys
from evidence.chain import Outcome
from evidence.continuation import continue_chain
from evidence.pack.content import encode_content
from evidence.pack.export import ExportedSeal, write_chain
from evidence.record import Kind, encode_record
from evidence.seal import StoredSeal
from evidence.statement import Enrolment, Rekey, parse_statement, sign_statement
from evidence.verify import accept
from provisioning.cli import cli
from provisioning.evidence.check import make_pack
from tests.agent.rig import SITE
from tests.evidence.attestations import GOLDEN
from tests.evidence.chains import GATEWAY, Chain, secret, stamp
from tests.evidence.pack.packs import (
    CENTRE,
    CENTRE_KEY,
    FIRST_KEY,
    NOON_MS,
    RECOVERY,
    chain,
    content,
    enrolment,
    receipt,
    run,
)

CHANGED = 5
WINDOW = ["--from", "2026-01-01T12:00:30Z", "--to", "2026-01-01T12:01:10Z"]


def rekeyed() -> tuple[list[StoredSeal], bytes]:
    """Nine seals; those from CHANGED on under new keys."""
    made = Chain()
    seals = chain(CHANGED - 1, made)
    made.signer_owner = "new"
    one = Rekey(
        gateway=GATEWAY,
        number=CHANGED,
        previous=made.previous,
        first_record=made.next_record,
        next_key=keys.public(secret(CHANGED, "new")),
        utc_ms=NOON_MS,
        reason="both slots lost",
    )
    return [*seals, *chain(CHANGED, made)], sign_statement(one, RECOVERY)


def at_the_centre(folder: Path) -> list[str]:
    """The centre's database, as the subscriber would have filled it."""
    (folder / "key").write_text(CENTRE.hex(), "ascii")
    (folder / "key").chmod(0o600)
    seals, raw = rekeyed()
    stated = parse_statement(enrolment()).statement
    assert isinstance(stated, Enrolment)
    store = SqliteStore(folder / "centre.db")
    store.enrol(GATEWAY, FIRST_KEY, stated.recovery_key, enrolment(), NOON_MS)
    state = store.state(GATEWAY)
    batch: list[Accepted | Applied] = []
    for seal in seals:
        if seal.number == CHANGED:
            verdict = continue_chain(state, raw, CENTRE_KEY)
            assert verdict.outcome is Outcome.ACCEPTED
            state = verdict.state
            batch.append(Applied(state, raw, NOON_MS))
        verdict = accept(state, seal.cose, seal.body, None)
        assert verdict.outcome is Outcome.ACCEPTED
        state = verdict.state
        batch.append(Accepted(state, seal.cose, seal.body, NOON_MS, verdict.absent))
    store.commit(batch)
    store.close()
    return ["--store", str(folder / "centre.db"), "--key", str(folder / "key"), "--gateway", GATEWAY]


def on_the_gateway(folder: Path) -> list[str]:
    """The gateway's own chain, the statement that it kept and one receipt."""
    site, state = folder / "site.toml", folder / "state"
    known = SITE.replace('"g1"', f'"{GATEWAY}"').splitlines()
    text = [f'centre_key = "{CENTRE_KEY.hex()}"' if line.startswith("centre_key") else line for line in known]
    site.write_text("\n".join(text), "utf-8")
    state.mkdir()
    write_enrolment(state, GATEWAY, FIRST_KEY)
    seals, raw = rekeyed()
    statements.keep(state, statements.Kept(raw))
    store = GatewayStore(state / "chain.db", 1 << 24)
    store.append(*seals)
    store.put_receipt(seals[7].number, receipt(evolve(seals[7])))
    store.close()
    return ["--config", str(site)]


@pytest.mark.parametrize("source", [at_the_centre, on_the_gateway])
def test_evidence_over_a_change_of_keys_is_proved(source: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "pack.zip")
    made = CliRunner().invoke(cli, ["evidence", *source(tmp_path), *WINDOW, "--out", out])
    assert made.exit_code == 0, made.stderr
    found = CliRunner().invoke(cli, ["verify", out, "--centre-key", CENTRE_KEY.hex(), "--json"])
    assert found.exit_code == 0, found.stderr
    told = json.loads(found.stdout)
    assert (told["gateway"], told["window"]) == (GATEWAY, [3, 8])
    assert told["enrolment"] is (source is at_the_centre)


@pytest.mark.parametrize(
    ("changes", "by", "exit_code", "said"),
    [
        ({}, RECOVERY, 0, "its signature is not checked without --centre-key"),
        ({"gateway": "gw-other"}, RECOVERY, 1, "another one than the file"),
        ({"first_key": keys.public(secret(9))}, RECOVERY, 1, "another one than the file"),
        ({"recovery_key": keys.public(secret(9))}, CENTRE, 1, "another recovery key than was given"),
    ],
)
@pytest.mark.parametrize("given", ["--first-key", "--register"])
def test_an_enrolment_in_an_exported_chain_must_agree_with_what_was_given_without_the_centres_key(
    changes: dict[str, Any], by: bytes, exit_code: int, said: str, given: str, tmp_path: Path
) -> None:
    stated = parse_statement(enrolment()).statement
    assert isinstance(stated, Enrolment)
    file, register = tmp_path / "chain.cbor", tmp_path / "register.jsonl"
    with file.open("wb") as stream:
        seals = [ExportedSeal(one.cose, one.body) for one in chain(2)]
        write_chain(stream, GATEWAY, [sign_statement(evolve(stated, **changes), by), *seals])
    known = {"first_key": FIRST_KEY.hex(), "recovery_key": stated.recovery_key.hex()}
    register.write_text(json.dumps({"gateway": GATEWAY, **known}) + "\n", "utf-8")
    found = CliRunner().invoke(
        cli, ["verify", str(file), given, known["first_key"] if given == "--first-key" else str(register)]
    )
    if given == "--first-key" and "recovery_key" in changes:  # of which nobody has said anything
        exit_code, said = 0, "its signature is not checked"
    assert (found.exit_code, said in found.output) == (exit_code, True), found.output


def test_a_worthless_attestation_in_a_pack_is_listed_for_people_and_for_scripts(tmp_path: Path) -> None:
    made = Chain()
    body = evolve(GOLDEN[0], seal=9).to_body()
    seals = [made.seal(), made.seal([encode_record(Kind.ATTESTATION, stamp(), body)]), made.seal()]
    one = content(run(seals), last=3, statements=(enrolment(),))
    file = tmp_path / "pack.zip"
    file.write_bytes(make_pack(encode_content(one), CENTRE_KEY, None, None)[0])
    verify = ["--lang", "en", "verify", str(file), "--centre-key", CENTRE_KEY.hex()]
    shown = CliRunner().invoke(cli, verify)
    assert shown.exit_code == 0
    assert "seal 2: attestation: an attestation over a seal that comes later\n" in shown.stdout
    told = json.loads(CliRunner().invoke(cli, [*verify, "--json"]).stdout)
    assert [(one["code"], one["seal"]) for one in told["findings"]][-1] == ("attestation", 2)
    assert (told["ok"], told["verdict"]) == (True, "good")
