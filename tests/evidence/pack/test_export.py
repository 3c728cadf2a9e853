import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import cbor, keys
from evidence.chain import Code
from evidence.pack import export
from evidence.pack.export import ExportedSeal, read_chain, verify_file, write_chain
from evidence.seal import StoredSeal
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret, stamp

FIRST_KEY = keys.public(secret(1))


def chain(count: int, **wrong: object) -> list[StoredSeal]:
    made = Chain()
    seals = [made.seal([heartbeat(number)] * 3) for number in range(1, count)]
    return [*seals, made.seal([heartbeat(count)] * 3, **wrong)]


def exported(seals: list[StoredSeal], gateway: str = GATEWAY) -> bytes:
    stream = io.BytesIO()
    assert write_chain(stream, gateway, (ExportedSeal(s.cose, s.body) for s in seals)) == len(seals)
    return stream.getvalue()


def test_a_whole_chain_verifies_from_its_first_key(tmp_path: Path) -> None:
    seals = chain(5)
    path = tmp_path / "chain.cbor"
    path.write_bytes(exported(seals))
    report = verify_file(path, FIRST_KEY)
    assert report.ok
    assert report.error == ""
    assert (report.gateway, report.seals, report.records) == (GATEWAY, 5, 15)
    assert (report.bodies, report.absent) == (5, 0)
    assert report.tip_hash == seals[-1].hash
    assert (report.first_utc_ms, report.last_utc_ms) == tuple(stamp(s).utc_ns // 10**6 for s in (10, 50))


def test_the_file_gives_back_what_was_written() -> None:
    seals = chain(3)
    gateway, read = read_chain(io.BytesIO(exported(seals)))
    assert gateway == GATEWAY
    assert list(read) == [ExportedSeal(seal.cose, seal.body) for seal in seals]


@given(st.lists(st.tuples(st.binary(max_size=400), st.none() | st.binary(max_size=300)), max_size=5))
@settings(deadline=None)
def test_whatever_was_written_is_read(pairs: list[tuple[bytes, bytes | None]]) -> None:
    stream = io.BytesIO()
    write_chain(stream, "g" * 32, (ExportedSeal(*pair) for pair in pairs))
    stream.seek(0)
    gateway, read = read_chain(stream)
    assert (gateway, list(read)) == ("g" * 32, [ExportedSeal(*pair) for pair in pairs])


def test_a_body_left_out_is_counted_and_no_error() -> None:
    seals = chain(3)
    stream = io.BytesIO()
    write_chain(stream, GATEWAY, (ExportedSeal(s.cose, s.body if s.number != 2 else None) for s in seals))
    stream.seek(0)
    report = verify_file(stream, FIRST_KEY)
    assert report.ok
    assert (report.seals, report.bodies, report.absent) == (3, 2, 1)


def test_every_changed_bit_is_noticed() -> None:
    raw = exported(chain(2))
    for bit in range(len(raw) * 8):
        mutated = bytearray(raw)
        mutated[bit // 8] ^= 1 << bit % 8
        assert not verify_file(io.BytesIO(mutated), FIRST_KEY).ok, f"bit {bit}"


def test_a_file_cut_anywhere_is_an_error_or_a_shorter_chain() -> None:
    seals = chain(3)
    raw = exported(seals)
    whole = {len(exported(seals[:count])): count for count in range(4)}
    for end in range(len(raw)):
        report = verify_file(io.BytesIO(raw[:end]), FIRST_KEY)
        if whole.get(end) == 0:
            assert (report.ok, report.error) == (False, "the file holds no seal, which proves nothing")
        elif end in whole:
            assert (report.ok, report.seals) == (True, whole[end])
        else:
            assert report.error


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", "the file ends"),
        (exported(chain(2))[::-1], "not an exported chain"),
        (exported(chain(2), gateway="gw-8"), "seal 1: seal of gateway gw-7"),
        (exported(chain(3)[1:]), "seal 1: seals 1 to 1 have not come"),
        (exported([chain(3)[0], chain(3)[2]]), "seal 2: seals 2 to 2 have not come"),
        (exported([*chain(2), chain(2)[1]]), "seal 3: duplicate"),
        (exported(chain(2, signer=secret(9))), "seal 2: not signed with the certified key"),
        (exported(chain(2)) + b"\0", "after seal 2: not a seal"),
        (exported(chain(1)) + b"\x82\x5b" + b"\x7f" * 8, "after seal 1: not a byte string"),
        (exported(chain(1)) + b"\x82\x59\xff\xff", "a byte string of 65535 bytes"),
        (exported(chain(1)) + b"\x82\x58\x05hallo", "a byte string of 5 bytes"),
        (b"\x83" + cbor.encode("dianjian chain") + b"\x01\x7b" + b"\xff" * 8, "no gateway id"),
        (cbor.encode(["dianjian chain", 3, "gw-7"]), "not an exported chain of version 1 to 3"),
    ],
)
def test_a_wrong_file_says_where_and_what(raw: bytes, error: str) -> None:
    report = verify_file(io.BytesIO(raw), FIRST_KEY)
    assert not report.ok
    assert error in report.error


def test_a_wrong_body_is_named_and_the_rest_is_still_checked() -> None:
    seals = chain(4)
    stream = io.BytesIO()
    bodies = [seals[0].body, seals[3].body, seals[2].body, seals[3].body]
    write_chain(stream, GATEWAY, (ExportedSeal(s.cose, b) for s, b in zip(seals, bodies, strict=True)))
    stream.seek(0)
    report = verify_file(stream, FIRST_KEY)
    assert not report.ok
    assert (report.error, report.seals, report.bodies) == ("", 4, 3)
    assert [(f.code, f.number) for f in report.findings if f.code is Code.BODY] == [(Code.BODY, 2)]


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_foreign_bytes_give_a_report_and_never_an_exception(raw: bytes) -> None:
    for attempt in (raw, exported([]) + raw, exported([]) + b"\x82" + raw):
        report = verify_file(io.BytesIO(attempt), FIRST_KEY)
        assert report.seals == 0
        assert attempt == exported([]) or not report.ok


def test_findings_beyond_the_limit_are_counted_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evidence.pack.export.FINDINGS_MAX", 3)
    made = Chain()
    seals = [made.seal(at=stamp(n, offset_s=1000 * n)) for n in range(10)]
    report = verify_file(io.BytesIO(exported(seals)), FIRST_KEY)
    assert report.ok
    assert len(report.findings) == 3
    assert report.counts[Code.CLOCK_STEP] == 9


def test_what_a_file_has_behind_its_last_seal_is_named_for_what_it_is() -> None:
    seals = chain(4)
    twin = Chain(number=2, next_record=seals[1].first_record, previous=seals[0].hash).seal([heartbeat(99)])
    for again, why in (
        (seals[1], "seal 5: duplicate"),
        (twin, "two different seals 2 under one key: the gateway was cloned or rolled back"),
    ):
        report = verify_file(io.BytesIO(exported([*seals, again])), FIRST_KEY)
        assert not report.ok
        assert why in report.error


def test_a_seal_older_than_what_is_remembered_is_said_to_be_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "STORED_MAX", 2)
    seals = chain(5)
    report = verify_file(io.BytesIO(exported([*seals, seals[1]])), FIRST_KEY)
    assert "seal 2 was there before, and is too old to be compared" in report.error
