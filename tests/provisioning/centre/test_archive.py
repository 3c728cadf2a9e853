"""`dianjian centre archive` and `unarchive` as they are called, and what other verbs say then."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from centre.archive.months import Month
from centre.consumer import Consumer, Wanted
from centre.store.place import open_store
from centre.store.sqlite import SqliteStore
from evidence import keys
from evidence.keys import create_key_file
from provisioning.centre import archive as module
from provisioning.cli import cli
from tests.centre.archive.test_retention import CENTRE, LATER_MS, bodies, live
from tests.centre.store.test_copying import contents
from tests.evidence.chains import GATEWAY

ARCHIVE = ("archive", "--store", "centre.db", "--key", "key", "--into", "archive")


def call(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["--lang", "en", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output + done.stderr


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "read_utc_ms", lambda: LATER_MS)
    (tmp_path / "key").write_text(CENTRE.hex() + "\n")
    (tmp_path / "key").chmod(0o600)
    live(tmp_path / "centre.db")
    return tmp_path


def test_a_month_goes_into_files_and_comes_back(place: Path) -> None:
    before = contents(place / "centre.db")
    code, said = call("centre", *ARCHIVE, "--dry-run", "--json")
    planned = json.loads(said)["files"]
    assert (code, [(row["month"], row["bodies"]) for row in planned]) == (0, [("2026-01", 2), ("2026-02", 3)])
    assert not (place / "archive").exists()
    assert contents(place / "centre.db") == before
    code, said = call("centre", *ARCHIVE, "--json")
    told = json.loads(said)
    assert (code, told["dropped"], [row["state"] for row in told["files"]]) == (0, 5, ["archived"] * 2)
    file = place / "archive" / GATEWAY / "2026-02.cbor"
    assert file.stat().st_mode & 0o077 == 0
    code, said = call("verify", "--centre-key", keys.public(CENTRE).hex(), file)
    assert (code, "begins with seal 5" in said, "verdict: good" in said) == (0, True, True), said
    assert call("centre", *ARCHIVE) == (0, "there is no month to archive\n")
    code, said = call("export", "--store", "centre.db", "--gateway", GATEWAY, "all.cbor")
    assert (code, "archived months are not in it" in said) == (0, True)
    asked = ("--from", "2026-01-01T00:00Z", "--to", "2026-01-02T00:00Z", "--out", "pack.zip")
    evidence = ("evidence", "--store", "centre.db", "--key", "key", "--gateway", GATEWAY, *asked)
    code, said = call(*evidence)
    assert (code, "were archived" in said) == (1, True), said
    for month in ("2026-01", "2026-02"):
        given = ("--store", "centre.db", "--key", "key", place / "archive" / GATEWAY / f"{month}.cbor")
        assert call("centre", "unarchive", *given)[0] == 0
    after = contents(place / "centre.db")
    assert after[:5] == before[:5]


def test_what_a_consumer_has_not_read_stays(place: Path) -> None:
    consumer = Consumer(place / "centre.db", Wanted())
    lines = consumer.read()[1]
    at = next(line for line in lines if line["type"] == "seal" and line["seal"] == 5)
    (place / "cursor").write_text(at["cursor"])
    code, said = call("centre", *ARCHIVE, "--cursor", "cursor")
    assert (code, "2026-02: cursor has not read it all yet" in said) == (0, True), said
    with closing(open_store(place / "centre.db")) as store:
        assert bodies(store) == [1, 5, 6, 7, 8]
    assert call("consume", "--store", "centre.db", "--into", "lines.db")[0] == 0
    code, said = call("centre", *ARCHIVE, "--cursor", "lines.db")
    assert (code, "gave up 3 bodies" in said) == (0, True), said


def test_a_running_subscriber_keeps_its_store_and_the_files_stay(place: Path) -> None:
    with closing(SqliteStore(place / "centre.db")):
        code, said = call("centre", *ARCHIVE)
        assert (code, "stop dianjian subscribe" in said) == (3, True), said
        assert call("centre", *ARCHIVE, "--keep")[0] == 0
    written = (place / "archive" / GATEWAY / "2026-01.cbor").read_bytes()
    assert call("centre", *ARCHIVE)[0] == 0
    assert (place / "archive" / GATEWAY / "2026-01.cbor").read_bytes() == written


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--month", "January"), 2, "a month like 2026-11"),
        (("--cursor", "key"), 2, "is no cursor of this store"),
        (("--gateway", "nobody"), 0, "no month to archive"),
        (("--month", "2026-02"), 0, "gave up 3 bodies"),
        (("--month", str(Month(2026, 4))), 0, "no month to archive"),
    ],
)
@pytest.mark.usefixtures("place")
def test_only_what_is_named_is_archived(arguments: tuple[str, ...], code: int, says: str) -> None:
    found, said = call("centre", *ARCHIVE, *arguments)
    assert (found, says in said) == (code, True), said


def test_another_key_than_the_centres_signs_nothing(place: Path) -> None:
    create_key_file(place / "other")
    code, said = call("centre", *ARCHIVE[:4], "other", *ARCHIVE[5:])
    assert (code, "another key has signed its enrolment" in said) == (1, True), said
    assert not (place / "archive").exists()


def test_a_damaged_file_is_named_and_the_other_month_goes(place: Path) -> None:
    assert call("centre", *ARCHIVE, "--keep")[0] == 0
    file = place / "archive" / GATEWAY / "2026-01.cbor"
    file.write_bytes(file.read_bytes()[:-1])
    code, said = call("centre", *ARCHIVE)
    assert (code, "the bodies stay in the store" in said, "gave up 3 bodies" in said) == (1, True, True), said
    with closing(open_store(place / "centre.db")) as store:
        assert bodies(store) == [1, 2, 3, 8]


@pytest.mark.parametrize("months", [("2026-01", "2026-02"), ("2026-02", "2026-01")])
@pytest.mark.usefixtures("place")
def test_months_that_went_one_by_one_are_not_overdue(
    months: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioning.centre.doctor.read_utc_ms", lambda: LATER_MS)
    for month in months:
        assert "should have been archived" in call("centre", "doctor", "--store", "centre.db")[1]
        assert call("centre", *ARCHIVE, "--month", month)[0] == 0
    assert "archived" not in call("centre", "doctor", "--store", "centre.db")[1]


@pytest.mark.usefixtures("place")
def test_the_doctor_says_when_a_month_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioning.centre.doctor.read_utc_ms", lambda: LATER_MS)
    code, said = call("centre", "doctor", "--store", "centre.db")
    assert (code, "2026-01 should have been archived" in said) == (0, True), said
    assert call("centre", *ARCHIVE)[0] == 0
    assert "archived" not in call("centre", "doctor", "--store", "centre.db")[1]
