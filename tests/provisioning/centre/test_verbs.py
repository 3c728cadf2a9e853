"""A gateway's keys from the enrolment to the scrap heap, by the verbs that a centre and a technician type."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils  # so that stores migrate in this process, which is faster
from click.testing import CliRunner, Result

from agent.main import main as agent_main
from agent.sealing.opening import open_chain
from agent.sealing.recovery import Recovery, Start
from agent.site.file import load_site
from centre.core import Centre, Incoming
from centre.json_lines import JsonLine
from centre.register import read_register
from centre.store.sqlite import SqliteStore
from evidence.keys import load_key_file
from evidence.seal import StoredSeal
from provisioning import cli
from tests.agent.rig import SITE as SITE_TEXT
from tests.evidence.chains import heartbeat, stamp
from wire import messages
from wire.messages import Topics

assert sqlite_utils

NOW_MS = 1_767_268_800_000
TOPICS = Topics("g1")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    key = json.loads(call("centre", "init", "--key", "centre.key").stdout)["centre_key"]
    for site in ("old", "new"):
        Path(site).mkdir()
        head, tail = SITE_TEXT.split("centre_key", 1)
        text = f'{head}centre_key = "{key}"\n' + tail.split("\n", 1)[1]
        Path(site, "site.toml").write_text(text, "utf-8")
    return tmp_path


def call(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli.cli, words, input=given, prog_name="dianjian")


def good(*words: str, given: str | None = None) -> str:
    ended = call(*words, given=given)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


CENTRE = ("--register", "register", "--key", "centre.key")
STORE = ("--store", "centre.db")


def enrolled(site: str = "old") -> str:
    return good("enrol", "--config", f"{site}/site.toml", "--recovery", f"{site}.recovery")


def sealed(site: str, count: int) -> tuple[Recovery, list[StoredSeal]]:
    """A life in which `count` seals are made; what the sealer found, and everything in the database."""
    _, store, sealer, recovery = open_chain(load_site(Path(site, "site.toml")))
    try:
        for number in range(count):
            sealer.seal([heartbeat(number)], stamp(number))
        return recovery, store.rows(1)
    finally:
        store.close()


def handled(
    seals: list[StoredSeal], *more: Incoming, register: str = "register"
) -> tuple[list[JsonLine], list[int]]:
    """What the centre says of the seals, as the subscriber does it; and the forks it has kept."""
    store = SqliteStore(Path("centre.db"))
    try:
        register = read_register(Path(register))
        centre = Centre(store, load_key_file(Path("centre.key")))
        for entry in register.values():
            centre.enrol(entry.gateway, entry.first_key, entry.recovery_key, entry.enrolment, NOW_MS)
        stated = [(entry.gateway, raw) for entry in register.values() for raw in entry.statements]
        lines = centre.apply_statements(stated, NOW_MS)[1]
        whole = [
            Incoming(TOPICS.seal, messages.encode_seal(seal.cose, seal.body))
            if seal.body is not None
            else Incoming(TOPICS.chain, messages.encode_chain([seal.cose]))
            for seal in seals
        ]
        lines += centre.handle([*more, *whole], NOW_MS)[1]
        return lines, [number for number, _, _ in store.forks("g1")]
    finally:
        store.close()


def codes(lines: list[JsonLine]) -> list[Any]:
    return [line["code"] for line in lines if line["type"] == "finding"]


def verified() -> dict[str, Any]:
    good("export", *STORE, "--gateway", "g1", "out")
    key = json.loads(good("centre", "key", "--key", "centre.key"))["centre_key"]
    report: dict[str, Any] = json.loads(good("verify", "--centre-key", key, "--json", "out"))
    return report


def rekeyed(capsys: pytest.CaptureFixture[str], *words: str, site: str = "old") -> dict[str, Any]:
    capsys.readouterr()
    assert (
        agent_main(["rekey", "--config", f"{site}/site.toml", "--recovery", f"{site}.recovery", *words]) == 0
    )
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_an_enrolment_is_signed_once_and_kept_with_the_meters_of_the_site(place: Path) -> None:
    request = enrolled()
    assert [meter["id"] for meter in json.loads(request)["meters"]] == ["mp", "mt"]
    first = json.loads(good("centre", "enrol", *CENTRE, "--json", given=request))
    before = (place / "register").read_bytes()
    assert json.loads(good("centre", "enrol", *CENTRE, "--json", given=request)) == first
    assert (place / "register").read_bytes() == before
    assert (place / "register").stat().st_mode & 0o022 == 0, "who can write it decides who is believed"
    (listed,) = json.loads(good("centre", "list", "--register", "register", "--json"))
    assert (listed["gateway"], listed["meters"], listed["revoked"]) == ("g1", 2, False)
    assert listed["recovery_key"] == json.loads(request)["recovery_key"]
    assert (
        "g1" in good("centre", "list", "--register", "register", *STORE)
        if Path("centre.db").exists()
        else True
    )


def test_an_old_line_without_a_statement_loads_and_gets_a_recovery_key(place: Path) -> None:
    request = json.loads(enrolled())
    (place / "register").write_text(json.dumps({"gateway": "g1", "first_key": request["first_key"]}), "utf-8")
    assert "no signed enrolment" in good("centre", "list", "--register", "register")
    _, seals = sealed("old", 2)
    assert "finding" not in codes(handled(seals)[0])
    good("centre", "enrol", *CENTRE, given=json.dumps(request))
    (place / "old/state/keys").unlink()
    assert handled([])[1] == []
    assert verified()["enrolment"]["recovery_key"] == request["recovery_key"]
    changed = json.dumps({**request, "recovery_key": "22" * 32})
    refused = call("centre", "enrol", *CENTRE, given=changed)
    assert (refused.exit_code, "another recovery key" in refused.stderr) == (2, True)


def test_lost_keys_go_on_by_a_rekey_that_is_taken_by_hand(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good("centre", "enrol", *CENTRE, given=enrolled())
    _, seals = sealed("old", 3)
    handled(seals)
    (place / "old/state/keys").unlink()
    assert sealed("old", 0)[0].start is Start.REKEY
    told = rekeyed(capsys)
    assert (told["number"], told["keys_aside"], told["database_aside"]) == (4, None, None)
    for _ in range(2):
        taken = json.loads(
            good("centre", "rekey", "--register", "register", "--json", given=json.dumps(told))
        )
        assert taken == {"gateway": "g1", "number": 4}
    assert len(read_register(Path("register"))["g1"].statements) == 1
    recovery, seals = sealed("old", 2)
    assert (recovery.start, recovery.number) == (Start.CLEAN, 4)
    lines, forks = handled(seals)
    assert (codes(lines).count("rekeyed"), forks) == (1, [])
    report = verified()
    assert (report["ok"], report["seals"], report["statements"]) == (True, 5, 1)
    wrong = call("centre", "rekey", "--register", "register", given=json.dumps(rekeyed(capsys, site="old")))
    assert wrong.exit_code == 0, "a second one is taken too"


def test_a_statement_that_another_key_signed_is_not_taken_by_hand(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good("centre", "enrol", *CENTRE, given=enrolled())
    enrolled("new")
    sealed("new", 1)
    told = rekeyed(capsys, site="new")
    refused = call("centre", "rekey", "--register", "register", given=json.dumps(told))
    assert (refused.exit_code, "has not signed it" in refused.stderr) == (2, True)
    assert read_register(place / "register")["g1"].statements == ()


def test_new_hardware_goes_on_where_the_centre_says(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good("centre", "enrol", *CENTRE, given=enrolled())
    _, seals = sealed("old", 3)
    handled(seals)
    replaced = ["centre", "replace", *CENTRE, *STORE, "--request", "-", "g1"]
    assert "has the key it was enrolled with" in call(*replaced, given=enrolled()).stderr
    file = good(*replaced, given=enrolled("new"))
    (place / "replacement").write_text(file, "utf-8")
    install = ["install-replacement", "--config", "new/site.toml", "replacement"]
    assert agent_main(install) == 0
    assert not list((place / "new/state").glob("keys.old*")), "no second copy of the secret"
    recovery, made = sealed("new", 2)
    assert (recovery.start, recovery.number, recovery.lost) == (Start.CLEAN, 4, None)
    lines, forks = handled(made)
    assert (codes(lines).count("replaced"), forks) == (1, [])
    report = verified()
    assert (report["ok"], report["seals"], report["absent"]) == (True, 5, 0)
    capsys.readouterr()
    assert agent_main(install) == 2
    assert "a chain of 5 seals" in capsys.readouterr().err
    (place / "new/state/keys").unlink()
    good("centre", "rekey", "--register", "register", given=json.dumps(rekeyed(capsys, site="new")))


@pytest.mark.usefixtures("place")
def test_a_revoked_gateway_is_refused_once_and_for_all_until_it_is_replaced() -> None:
    good("centre", "enrol", *CENTRE, given=enrolled())
    handled(sealed("old", 3)[1])
    told = json.loads(good("centre", "revoke", *CENTRE, *STORE, "--reason", "stolen", "--json", "g1"))
    assert told["number"] == 3
    assert "REVOKED" in good("centre", "list", "--register", "register", *STORE)
    lines, forks = handled(sealed("old", 3)[1])
    assert (codes(lines), forks) == (["revoked", "revoked"], [])
    report = verified()
    assert (report["ok"], report["seals"], report["statements"]) == (True, 3, 1)
    good("centre", "replace", *CENTRE, *STORE, "--request", "-", "g1", given=enrolled("new"))
    (listed,) = json.loads(good("centre", "list", "--register", "register", "--json"))
    assert (listed["revoked"], [one["what"] for one in listed["statements"]]) == (
        False,
        ["revoke", "replace"],
    )


def no_file(_: Path) -> list[str]:
    return ["--receipt", "nosuch"]


def noise(_: Path) -> list[str]:
    Path("noise").write_bytes(b"\xd2" + bytes(100))
    return ["--receipt", "noise"]


def another_key(_: Path) -> list[str]:
    enrolled("new")
    return ["--recovery", "new.recovery"]


def open_key(place: Path) -> list[str]:
    (place / "old.recovery").chmod(0o644)
    return []


def nothing_known(place: Path) -> list[str]:
    for file in (place / "old/state").iterdir():
        if file.name != "enrolment.json":
            file.unlink()
    return []


def renamed(place: Path) -> list[str]:
    site = place / "old/site.toml"
    site.write_text(site.read_text("utf-8").replace('"g1"', '"g2"'), "utf-8")
    return []


def long_reason(_: Path) -> list[str]:
    return ["--reason", "x" * 201]


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (no_file, "No such file"),
        (noise, "not a receipt of this centre"),
        (another_key, "not the recovery key that stands in enrolment.json"),
        (open_key, "others may read it"),
        (nothing_known, "bring the centre's receipt"),
        (renamed, "is that of gateway g1, not g2"),
        (long_reason, "reason"),
    ],
)
def test_a_rekey_that_cannot_be_is_one_line_and_changes_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], prepare: Callable[[Path], list[str]], says: str
) -> None:
    enrolled()
    sealed("old", 2)
    words = prepare(place)
    keys = place / "old/state/keys"
    before = keys.read_bytes() if keys.exists() else None
    capsys.readouterr()
    assert agent_main(["rekey", "--config", "old/site.toml", "--recovery", "old.recovery", *words]) == 2
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert says in said.err
    assert (keys.read_bytes() if keys.exists() else None) == before
    assert not (place / "old/state/statements.jsonl").exists()


def test_a_gateway_that_lost_everything_goes_on_from_the_centres_receipt(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good("centre", "enrol", *CENTRE, given=enrolled())
    _, seals = sealed("old", 4)
    handled([seals[0], seals[1], StoredSeal(*_bodiless(seals[2])), StoredSeal(*_bodiless(seals[3]))])
    nothing_known(place)
    (place / "receipt").write_text(good("centre", "receipt", "--key", "centre.key", *STORE, "g1"), "utf-8")
    told = rekeyed(capsys, "--receipt", "receipt")
    assert told["number"] == 5
    recovery, made = sealed("old", 1)
    assert (recovery.start, recovery.lost) == (Start.LOST_TAIL, (3, 4))
    good("centre", "rekey", "--register", "register", given=json.dumps(told))
    lines, forks = handled(made)
    assert (sorted(set(codes(lines)) & {"rekeyed", "lost_tail"}), forks) == (["lost_tail", "rekeyed"], [])
    report = verified()
    assert (report["ok"], report["seals"], report["absent"]) == (True, 5, 2)


def _bodiless(seal: StoredSeal) -> tuple[int, bytes, bytes, None, int, int]:
    return seal.number, seal.hash, seal.cose, None, seal.first_record, seal.count


def test_a_key_that_is_neither_the_root_nor_a_receipt_key_in_force_does_not_subscribe(place: Path) -> None:
    assert place
    good("centre", "keys", "root", "--orders", "orders", "--key", "centre.key")
    other = json.loads(good("centre", "keys", "make", "--key", "verifier.key", "--json"))["key"]
    Path("register").touch()
    words = ("subscribe", "--broker", "mqtt://127.0.0.1:1", "--register", "register", *STORE)
    refused = call(*words, "--key", "verifier.key", "--orders", "orders")
    assert refused.exit_code == 2, refused.output
    assert "nor a receipt key in force" in refused.stderr
    known = ("--orders", "orders", "--key", "centre.key")
    ended = ("--from", "2020-01-01T00:00Z", "--until", "2021-01-01T00:00Z")
    good("centre", "keys", "certify", *known, "--role", "receipt", "--name", "v1", *ended, other)
    assert call(*words, "--key", "verifier.key", "--orders", "orders").exit_code == 2
    assert not Path("centre.db").exists(), "nothing was begun"
