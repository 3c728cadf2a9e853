"""The support archive: what is in it, and that no secret is, in no form and in no member."""

import base64
import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.care.masking import WITHHELD, Mask, list_forms
from agent.sealing.key_slots import KeySlots
from evidence.keys import create_key_file
from evidence.words import Words
from provisioning.doctor.bundle import MEMBER_BYTES_MAX, collect_members, write_bundle
from provisioning.doctor.finding import failed
from provisioning.doctor.verb import find_target
from tests.provisioning.doctor.place import call, place, told
from tests.wire.certificates import Authority

TOKEN = "dj-K7QF-2MZP-9XWT-4RHD-81VC"  # noqa: S105
PASSWORD = "correct-horse-battery"  # noqa: S105
BINARY = bytes(range(100, 132))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A gateway with secrets in every place that has one, and in some that should not."""
    files = Authority(tmp_path / "pki").client("g1")
    tls = f'url = "mqtts://127.0.0.1:1"\nca = "{files.ca}"\n'
    tls += f'certificate = "{files.certificate}"\nkey = "{files.key}"'
    site = place(
        tmp_path, changes=[('url = "mqtt://127.0.0.1"', tls), ("tcp://127.0.0.1", "tcp://127.0.0.1:1")]
    )
    folder = tmp_path / "g1"
    create_key_file(tmp_path / "recovery.key")
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "web-password").write_text(PASSWORD)
    (folder / "claim.secret").write_bytes(BINARY)
    (folder / "postbox").mkdir()
    (folder / "postbox/0001.json").write_text(json.dumps(["Wang Fang", "in the postbox"]))
    return site


def secrets(file: Path) -> Iterator[bytes]:
    """Everything that must not be in there."""
    folder = file.parent
    yield from (slot.secret for slot in KeySlots(folder / "g1/keys").load() if slot.secret)
    yield bytes.fromhex((folder / "recovery.key").read_text("ascii"))
    yield (folder / "recovery.key").read_bytes().strip()
    pem = (folder / "pki/g1.key").read_bytes()
    body = b"".join(pem.splitlines()[1:-1])
    yield from (body, base64.b64decode(body), *pem.splitlines()[1:-1])
    yield from (TOKEN.encode(), PASSWORD.encode(), BINARY, b"Wang Fang", b"in the postbox")


def unpacked(path: Path) -> dict[str, bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]


def hidden(secret: bytes) -> set[bytes]:
    """A secret as it may stand in a file; of base64 what does not depend on where it begins."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode(), repr(secret)[2:-1].encode()}
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret)[4:-4]
        found |= {text, text.replace(b"+", b"-").replace(b"/", b"_")}
    return {form for form in found if len(form) >= 8}


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_no_secret_of_the_gateway_is_in_it(file: Path, suffix: str) -> None:
    bundle = file.parent / f"support{suffix}"
    result = call("--config", file, "--bundle", bundle, "--json")
    assert result.exit_code == 1, result.output
    inside = unpacked(bundle)
    assert {"dianjian/doctor.json", "dianjian/site.toml", "dianjian/chain.json", "dianjian/files.json",
            "dianjian/versions.json"} <= set(inside)  # fmt: skip
    raw = bundle.read_bytes()
    texts = {**inside, "the file": raw, "without gzip": gzip.decompress(raw) if suffix == ".tar.gz" else b""}
    looked = 0
    for secret in secrets(file):
        for form in hidden(secret):
            looked += 1
            assert not [name for name, text in texts.items() if form in text], form
    assert looked > 80
    assert json.loads(inside["dianjian/doctor.json"]) == told(result)


def test_what_a_careless_hand_put_into_the_site_file_is_masked(file: Path) -> None:
    """The site file has no place for secrets; a wrong one may have them all the same."""
    key = next(slot.secret for slot in KeySlots(file.parent / "g1/keys").load() if slot.secret)
    careless = f"""
# password = "{PASSWORD}"
# mqtts://user:{PASSWORD}@broker:8883 and http://127.0.0.1/hook?token=abcdef123456&x=1
# our key is {key.hex()}, in base64 {base64.b64encode(b"x" + key).decode()}
# {TOKEN}
-----BEGIN PRIVATE KEY-----
{base64.b64encode(BINARY).decode()}
"""
    file.write_text(file.read_text("utf-8") + careless, "utf-8")
    text = collect_members(find_target(file), [], lambda _: None)["site.toml"]
    assert 'gateway = "g1"' in text
    assert text.count(WITHHELD) >= 7
    for secret in (PASSWORD, "abcdef123456", key.hex(), base64.b64encode(b"x" + key).decode()[4:-4], TOKEN):
        assert secret not in text


def test_names_are_told_and_contents_are_not(file: Path) -> None:
    listed = json.loads(collect_members(find_target(file), [], lambda _: None)["files.json"])
    names = {Path(one["path"]).name: one for one in listed}
    assert {"0001.json", "keys", "chain.db", "site.toml", "token"} <= set(names)
    assert names["keys"]["mode"] == "-rw-------"


def test_the_chain_is_told_by_its_end_and_its_schema(file: Path) -> None:
    chain = json.loads(collect_members(find_target(file), [], lambda _: None)["chain.json"])
    assert chain["schema"] == 1
    assert chain["seals"] == chain["last"]["number"] > 3
    assert chain["receipt"]["number"] == 1
    assert any("CREATE TABLE" in str(sql) for sql in chain["tables"])


@pytest.mark.parametrize("name", ["b.tar.gz", "b.zip"])
def test_the_same_findings_give_the_same_bytes_for_the_owner_alone(file: Path, name: str) -> None:
    bundle, target = file.parent / name, find_target(file)
    findings = [failed("clock", Words("坏", "bad"), Words("修", "mend"))]
    before = os.umask(0)
    try:
        write_bundle(bundle, target, findings, lambda _: None)
    finally:
        os.umask(before)
    first = bundle.read_bytes()
    assert bundle.stat().st_mode & 0o777 == 0o600
    bundle.unlink()
    heard: list[str] = []
    assert write_bundle(bundle, target, findings, heard.append) == len(first)
    assert bundle.read_bytes() == first
    assert heard == sorted(heard)
    assert len(heard) >= 6
    assert not list(file.parent.glob("*.new"))


def test_it_is_bounded(file: Path) -> None:
    findings = [failed("clock", Words("x" * 4096, "y" * 4096), Words("", ""))] * 1000
    bundle = file.parent / "b.tar.gz"
    write_bundle(bundle, find_target(file), findings, lambda _: None)
    assert max(map(len, unpacked(bundle).values())) <= MEMBER_BYTES_MAX


def test_a_folder_that_takes_no_file_is_one_line(file: Path) -> None:
    result = call("--config", file, "--bundle", file.parent / "no/where.zip")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith(f"there is no folder {file.parent / 'no'}")
    assert not (file.parent / "no").exists()


def test_a_site_file_that_cannot_be_understood_is_no_hindrance(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('nonsense = "\n', "utf-8")
    bundle = tmp_path / "b.zip"
    assert call("--config", site, "--bundle", bundle).exit_code == 1
    assert "dianjian/site.toml" in unpacked(bundle)


@given(st.binary(min_size=8, max_size=40), st.binary(max_size=7), st.binary(max_size=7))
def test_a_secret_is_found_in_every_form_and_place(secret: bytes, before: bytes, after: bytes) -> None:
    mask = Mask([secret])
    whole = before + secret + after
    for text in (
        whole.hex(),
        whole.hex().upper(),
        base64.b64encode(whole).decode(),
        base64.urlsafe_b64encode(whole).decode(),
    ):
        assert WITHHELD in mask(text)


@given(st.text(max_size=80))
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    plain = text.replace(":", "").replace("=", "").replace("-", "")
    assert Mask([bytes(range(200, 240))])(plain) == plain
    assert Mask([])(plain) == plain


def test_a_short_word_is_no_secret() -> None:
    assert not list(list_forms(b"short"))
    assert io.StringIO(Mask([b"g1"])("gateway g1")).read() == "gateway g1"
