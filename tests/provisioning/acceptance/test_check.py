"""A sheet is found in the chain that has its hash on record, and in no other."""

from pathlib import Path

import pytest
from attrs import frozen

from agent.sealing.key_slots import KeySlots
from agent.sealing.sealer import Sealer
from agent.site.enrolment import write_enrolment
from agent.store.gateway import GatewayStore
from agent.store.names import DATABASE_NAME, KEYS_NAME
from evidence.pack.export import ExportedSeal, Keys, write_chain
from evidence.record import Kind, encode_record
from provisioning.acceptance.sheet import write_sheet
from provisioning.evidence.sheet import SheetCheckError, check_sheet
from tests.evidence.chains import stamp
from tests.provisioning.acceptance.journals import site, whole

QUOTA_BYTES = 1 << 24


@frozen
class Place:
    sheet: Path
    state: Path
    export: Path
    first_key: bytes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A gateway that sealed an older sheet, then this one, and something else that names its hash."""
    folder = tmp_path_factory.mktemp("check")
    written = write_sheet(whole(), site(), folder, at="", version="0.1.0")
    store = GatewayStore(folder / DATABASE_NAME, QUOTA_BYTES)
    sealer = Sealer("gw-7", KeySlots(folder / KEYS_NAME), store)
    first_key = sealer.recover().next_key
    write_enrolment(folder, "gw-7", first_key)
    for second, (kind, body) in enumerate(
        (
            (Kind.COMMISSIONING, {"what": "sheet", "sha256": "00" * 32, "id": "1"}),
            (Kind.COMMISSIONING, {"what": "wiring", "meter": "m1"}),
            (Kind.COMMISSIONING, {"what": "sheet", "sha256": written.sha256, "path": "acceptance.html"}),
            (Kind.EVENT, {"what": "sheet", "sha256": written.sha256}),
        )
    ):
        sealer.seal([encode_record(kind, stamp(second), body)], stamp(second))
    with (folder / "chain.cbor").open("wb") as stream:
        write_chain(stream, "gw-7", [ExportedSeal(seal.cose, seal.body) for seal in store.rows(1)])
    store.close()
    return Place(Path(written.path), folder, folder / "chain.cbor", first_key)


@pytest.fixture
def changed(place: Place, tmp_path: Path) -> Path:
    copy = tmp_path / "acceptance.html"
    copy.write_text(place.sheet.read_text("utf-8").replace("王工", "李工"), "utf-8")
    return copy


def test_it_is_found_in_the_gateways_own_chain(place: Place) -> None:
    found = check_sheet(place.sheet, place.state)
    assert [one.seal for one in found.found] == [3]
    assert found.ok
    assert not found.verified
    assert "seal 3" in found.sentence.en


def test_it_is_found_in_an_exported_chain_that_holds(place: Place) -> None:
    found = check_sheet(place.sheet, place.export, Keys(first=place.first_key))
    assert [one.seal for one in found.found] == [3]
    assert found.verified
    assert "the chain holds" in found.sentence.en


@pytest.mark.parametrize("where", ["state", "export"])
def test_a_sheet_with_one_other_name_is_not_on_record(place: Place, changed: Path, where: str) -> None:
    found = check_sheet(changed, getattr(place, where), Keys(first=place.first_key))
    assert not found.ok
    assert [one.seal for one in found.others] == [1, 3]
    assert "seal 3 names another one" in found.sentence.en
    assert "改动" in found.sentence.zh


def test_nothing_is_found_in_a_chain_that_was_changed(place: Place, tmp_path: Path) -> None:
    raw = bytearray(place.export.read_bytes())
    at = raw.index(b"wiring")
    raw[at : at + 6] = b"wirinG"
    bad = tmp_path / "bad.cbor"
    bad.write_bytes(raw)
    with pytest.raises(SheetCheckError, match="does not hold"):
        check_sheet(place.sheet, bad, Keys(first=place.first_key))


def test_a_chain_without_any_sheet_says_so(place: Place, tmp_path: Path) -> None:
    GatewayStore(tmp_path / DATABASE_NAME, QUOTA_BYTES).close()
    found = check_sheet(place.sheet, tmp_path)
    assert not found.ok
    assert "No record of the chain names a sheet" in found.sentence.en


@pytest.mark.parametrize(
    ("says", "sheet", "chain", "key"),
    [
        ("nosuch.html: cannot be read", "nosuch.html", ".", None),
        ("no chain is there", "acceptance.html", "..", None),
        ("centre's key or the first key", "acceptance.html", "chain.cbor", None),
        ("does not hold, seal 1", "acceptance.html", "chain.cbor", bytes(32)),
        ("does not hold, after seal 0", "acceptance.html", "acceptance.html", bytes(32)),
    ],
)
def test_what_cannot_be_looked_at_is_one_line(
    place: Place, says: str, sheet: str, chain: str, key: bytes | None
) -> None:
    with pytest.raises(SheetCheckError, match=says) as told:
        check_sheet(place.state / sheet, place.state / chain, Keys(first=key))
    assert "\n" not in str(told.value)
