"""The centre and attestations: in whatever order bodies come, what is told is so, and told once."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from centre.core import Centre, Incoming
from centre.store.sqlite import SqliteStore
from evidence import keys
from evidence.record import Kind, encode_record
from evidence.seal import StoredSeal, open_body, peek_header
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret, stamp
from tests.tpm.swtpm import Swtpm, needed
from wire import messages
from wire.messages import Topics

SECRET = bytes(range(32))
TOPICS = Topics(GATEWAY)


@pytest.fixture(scope="module")
def seals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[StoredSeal]]:
    """Six seals; each second one holds an attestation, before the last two more that nobody sealed."""
    needed()
    from agent.sealing.tpm import Tpm  # noqa: PLC0415 -- an extra of the distribution

    swtpm = Swtpm(tmp_path_factory.mktemp("tpm") / "tpm")
    swtpm.start()
    tpm, chain, made = Tpm(swtpm.tcti), Chain(), list[StoredSeal]()
    for number in range(1, 7):
        records = [heartbeat(number)]
        if number % 2 == 0:
            body = tpm.attest(number - 1, made[-1].hash).to_body()
            records.append(encode_record(Kind.ATTESTATION, stamp(number), body))
        if number == 5:
            tpm.attest(1, made[0].hash)
            tpm.attest(1, made[0].hash)
        made.append(chain.seal(records))
    yield made
    swtpm.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "centre.db"
    SqliteStore(path).close()
    return path


def told(path: Path, *batches: list[Incoming]) -> list[tuple[int, str]]:
    """Findings about attestations, in a new life of the centre for each batch, as the subscriber lives."""
    found: list[dict[str, Any]] = []
    memory = b""
    for batch in batches:
        with closing(SqliteStore(path)) as store:
            store.enrol(GATEWAY, keys.public(secret(1)))
            centre = Centre(store, SECRET)
            if memory:
                lines = centre.lines_of(GATEWAY)
                assert lines is not None
                lines.restore(memory)
            found += centre.handle(batch, 1_767_268_800_000)[1]
            lines = centre.lines_of(GATEWAY)
            assert lines is not None
            memory = lines.encode_memory()
    return [(line["seal"], line["text"]) for line in found if line.get("code") == "attestation"]


def chain_of(seals: list[StoredSeal]) -> Incoming:
    return Incoming(TOPICS.chain, messages.encode_chain([seal.cose for seal in seals]))


def body_of(seal: StoredSeal) -> Incoming:
    assert seal.body is not None
    return Incoming(TOPICS.body, messages.encode_body(seal.number, seal.body))


def whole(seal: StoredSeal) -> Incoming:
    assert seal.body is not None
    return Incoming(TOPICS.seal, messages.encode_seal(seal.cose, seal.body))


def test_attestations_that_follow_each_other_are_no_finding(
    seals: list[StoredSeal], empty: Path, tmp_path: Path
) -> None:
    path = shutil.copy(empty, tmp_path / "centre.db")
    assert told(path, [whole(seal) for seal in seals[:5]]) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_what_the_tpm_did_without_the_chain_is_told_once_whatever_the_order(
    seals: list[StoredSeal], empty: Path, tmp_path: Path, order: tuple[int, ...]
) -> None:
    path = shutil.copy(empty, tmp_path / "centre.db")
    bodies = [[body_of(seals[2 * at + 1])] for at in order]
    others = [body_of(seal) for seal in seals[::2]]
    ((seal, text),) = told(path, [chain_of(seals), *others], *bodies, [body_of(seals[0])])
    assert seal == 6
    assert text.startswith("the TPM made 2 attestations before")


def test_while_a_body_is_awaited_nothing_is_made_of_its_absence(
    seals: list[StoredSeal], empty: Path, tmp_path: Path
) -> None:
    path = shutil.copy(empty, tmp_path / "centre.db")
    held = [body_of(seal) for seal in seals if seal.number != 4]
    assert told(path, [chain_of(seals), *held]) == []


def test_an_attestation_of_another_chain_is_told(
    seals: list[StoredSeal], empty: Path, tmp_path: Path
) -> None:
    path = shutil.copy(empty, tmp_path / "centre.db")
    assert seals[1].body is not None
    foreign = open_body(peek_header(seals[1].cose), seals[1].body)[1]
    chain = Chain()
    other = [chain.seal([heartbeat(9)]), chain.seal([foreign])]
    ((seal, text),) = told(path, [whole(one) for one in other])
    assert seal == 2
    assert "not in this chain" in text
