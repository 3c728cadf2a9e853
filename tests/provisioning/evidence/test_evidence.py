"""`dianjian evidence` and `dianjian verify`: packs of a real chain, from both ends, and what is no pack."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import cbor2
import pytest
from click.testing import CliRunner

from agent.store.gateway import GatewayStore
from centre.store.sqlite import SqliteStore
from evidence import keys
from evidence.pack import container
from evidence.pack.content import INDEX_NAME, PAGE_NAME, encode_content
from evidence.seal import peek_header
from provisioning.cli import cli
from provisioning.evidence.check import NAMES, check, make_pack
from tests.evidence.pack import packs
from tests.provisioning.evidence.pack_mutations import SKILLED, assembled, mutants, parts
from tests.provisioning.evidence.plant import CENTRE_KEY, DROPPED, GATEWAY, OFF_S, STRANGER, Plant, plant, utc
from tests.provisioning.pages import chromium
from tests.provisioning.pages.test_pages import Strict

MUTANTS = 150
MUTANTS_WHOLE = 5_000
NO, USAGE = 1, 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return plant(tmp_path_factory.mktemp("evidence"))


@pytest.fixture(scope="module")
def made(place: Plant, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Packs of a few minutes, from the centre and from the gateway."""
    folder = tmp_path_factory.mktemp("packs")
    window = ["--from", utc(OFF_S - 60), "--to", utc(OFF_S + 300)]
    for name, source in (("centre", place.centre), ("gateway", place.gateway)):
        result = evidence(*source, *window, "--out", str(folder / f"{name}.zip"))
        assert result.exit_code == 0, result.stderr
    return {name: folder / f"{name}.zip" for name in ("centre", "gateway")}


def evidence(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["--lang", "en", "evidence", *arguments])


def verify(file: Path, *arguments: str, key: bytes = CENTRE_KEY) -> Any:
    return CliRunner().invoke(cli, ["verify", str(file), "--centre-key", key.hex(), *arguments])


def told(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


# -- what is made


def test_the_evidence_of_an_episode_holds_its_two_hours_and_its_last_word(
    place: Plant, tmp_path: Path
) -> None:
    out = tmp_path / "pack.zip"
    result = evidence(*place.centre, "--episode", "k1-off", "--json", "--out", str(out))
    assert result.exit_code == 0, result.stderr
    found = told(result)
    assert found["ok"]
    assert found["issued_by_centre"]
    assert found["enrolment"]
    assert found["file"] == str(out)
    assert found["sha256"] == sha256(out.read_bytes()).hexdigest()
    assert found["absent"] == [DROPPED]
    (episode,) = found["episodes"]
    assert (episode["rule"], episode["state"]) == ("off", "cleared")
    assert [part["on"] for part in found["rests_on"]] == ["enrolment", "receipt"]
    checked = verify(out, "--json")
    assert (checked.exit_code, told(checked) | {"file": str(out)}) == (0, found)
    page = container.read(out.read_bytes(), NAMES).entries[PAGE_NAME].decode()
    assert "computed anew from the readings of this pack alone: the same finding" in page
    assert "Test works" in page
    assert "20260101" in page


def test_a_gateway_makes_evidence_that_rests_on_the_receipts_that_it_kept(made: dict[str, Path]) -> None:
    found = told(verify(made["gateway"], "--json"))
    assert found["ok"]
    assert not found["issued_by_centre"]
    assert {part["on"] for part in found["rests_on"]} == {"receipt"}
    assert found["readings"] > 100


def test_both_ends_tell_the_same_of_the_same_time(made: dict[str, Path]) -> None:
    one, other = (told(verify(path, "--json")) for path in made.values())
    same = ("gateway", "window", "records", "readings", "absent", "episodes")
    assert [one[name] for name in same] == [other[name] for name in same]


def test_the_whole_chain_rests_on_the_enrolment_alone(place: Plant, tmp_path: Path) -> None:
    out = tmp_path / "pack.zip"
    window = ["--from", utc(OFF_S), "--to", utc(OFF_S + 60)]
    result = evidence(*place.centre, *window, "--whole-chain", "--json", "--out", str(out))
    (part,) = told(result)["rests_on"]
    assert (part["first"], part["on"]) == (1, "enrolment")


def test_a_chain_without_enrolment_is_verified_with_the_first_key_and_says_so(
    place: Plant, tmp_path: Path
) -> None:
    state, out = copied(place, tmp_path, "DELETE FROM receipts"), tmp_path / "x.zip"
    late = [*place.gateway, "--state", str(state)]
    window = ["--from", utc(OFF_S), "--to", utc(OFF_S + 60), "--out", str(out)]
    assert evidence(*late, *window).exit_code == 0
    refused = verify(out)
    assert refused.exit_code == NO
    assert "give the gateway's first key" in refused.stderr
    good = verify(out, "--first-key", place.first_key.hex())
    assert good.exit_code == 0, good.stderr
    assert "rest on the first key" in good.stdout
    assert "enrolment: not in the pack" in good.stdout


def copied(place: Plant, folder: Path, sql: str, *parameters: object) -> Path:
    """The state folder of the gateway, with a deed done to its database."""
    state = folder / "state"
    state.mkdir()
    for name in ("chain.db", "enrolment.json"):
        (state / name).write_bytes((place.state / name).read_bytes())
    with sqlite3.connect(state / "chain.db") as connection:
        connection.execute(sql, parameters)
    connection.close()
    return state


def test_a_pack_that_is_made_twice_differs_only_in_its_time(place: Plant, tmp_path: Path) -> None:
    window = ["--from", utc(OFF_S), "--to", utc(OFF_S + 60)]
    texts = []
    for name in ("a.zip", "b.zip"):
        assert evidence(*place.gateway, *window, "--out", str(tmp_path / name)).exit_code == 0
        entries = container.read((tmp_path / name).read_bytes(), NAMES).entries
        content = cbor2.loads(cbor2.loads(entries[NAMES[0]])[2])
        texts.append([*content[:4], *content[5:]])
    assert texts[0] == texts[1]


def test_evidence_is_made_beside_whoever_owns_the_database(place: Plant, tmp_path: Path) -> None:
    window = ["--from", utc(OFF_S), "--to", utc(OFF_S + 60)]
    with closing(SqliteStore(place.folder / "centre.db")) as centre:
        assert evidence(*place.centre, *window, "--out", str(tmp_path / "centre.zip")).exit_code == 0
        centre.commit([], {GATEWAY: lambda _, __: b"the owner still writes"})
    with closing(GatewayStore(place.state / "chain.db", 1 << 29)) as store:
        assert evidence(*place.gateway, *window, "--out", str(tmp_path / "gateway.zip")).exit_code == 0
        store.put_checkpoint("the owner", b"still writes")
        store.flush()


# -- mistakes of a user


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("CENTRE --from UTC0 --to UTC600 --gateway g9", USAGE, "g9 is not enrolled"),
        ("CENTRE --from UTC0 --to UTC600 --register nosuch", USAGE, "nosuch"),
        ("CENTRE --from UTC0 --to UTC600 --key nosuch", USAGE, "nosuch"),
        ("CENTRE --from UTC0 --to UTC600 --store nosuch", USAGE, "no database is there"),
        ("CENTRE --from UTC600 --to UTC0", NO, "--from is not before --to"),
        ("CENTRE --from UTC9000 --to UTC9600", NO, "no seal was made in the window; held are seals 1 to 3"),
        ("CENTRE --from UTC0", NO, "give --from and --to, or --episode"),
        ("CENTRE --from 2026-03-02T08:00 --to UTC600", USAGE, "has no zone"),
        ("CENTRE --from yesterday --to UTC600", USAGE, "is no time"),
        ("CENTRE --from 2020-01-01T00:00Z --to UTC600", NO, "32 days"),
        ("CENTRE --episode zz", NO, "no episode zz is held; known are k1-off-"),
        ("CENTRE --episode p1", NO, ""),
        ("GATEWAY --from UTC9000 --to UTC9600", NO, "no seal was made in the window"),
        ("--config nosuch.toml --from UTC0 --to UTC600", USAGE, "cannot be read"),
        ("--from UTC0 --to UTC600", USAGE, "give --store, --key and --gateway"),
        ("--store nosuch --from UTC0 --to UTC600", USAGE, "at the centre give --store"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_no_file_is_left(
    place: Plant, tmp_path: Path, arguments: str, code: int, says: str
) -> None:
    words: list[str] = []
    for word in arguments.split():
        words += {"CENTRE": place.centre, "GATEWAY": place.gateway}.get(word, [word])
    words = [utc(float(word[3:])) if word.startswith("UTC") else word for word in words]
    result = evidence(*words, "--out", str(tmp_path / "out.zip"))
    if says == "":  # an episode of one line only
        assert result.exit_code == 0, result.stderr
        return
    assert (result.exit_code, says in result.stderr) == (code, True), result.stderr
    assert not (tmp_path / "out.zip").exists()


def test_evidence_is_never_overwritten(place: Plant, tmp_path: Path) -> None:
    out = tmp_path / "pack.zip"
    out.write_text("mine", "utf-8")
    result = evidence(*place.gateway, "--from", utc(0), "--to", utc(60), "--out", str(out))
    assert result.exit_code == USAGE
    assert out.read_text("utf-8") == "mine"
    result = evidence(*place.gateway, "--from", utc(0), "--to", utc(60), "--out", str(tmp_path / "no" / "x"))
    assert "there is no folder" in result.stderr


def test_what_was_pruned_on_the_gateway_is_told_with_what_is_held(place: Plant, tmp_path: Path) -> None:
    state = copied(place, tmp_path, "DELETE FROM seals WHERE number < 40")
    late, out = [*place.gateway, "--state", str(state)], str(tmp_path / "pack.zip")
    result = evidence(*late, "--from", utc(0), "--to", utc(60), "--out", out)
    assert result.exit_code == NO
    assert "held are seals 40 to" in result.stderr
    result = evidence(*late, "--from", utc(OFF_S), "--to", utc(OFF_S + 60), "--whole-chain", "--out", out)
    assert "the whole chain is at the centre" in result.stderr
    assert evidence(*late, "--from", utc(OFF_S), "--to", utc(OFF_S + 60), "--out", out).exit_code == 0


def test_a_database_that_was_changed_gives_no_evidence(place: Plant, tmp_path: Path) -> None:
    sql, body = "UPDATE seals SET body = ? WHERE number = 180", place.seals[180].body
    late = [*place.gateway, "--state", str(copied(place, tmp_path, sql, body))]
    result = evidence(*late, "--from", utc(0), "--to", utc(3000), "--out", str(tmp_path / "x"))
    assert result.exit_code == NO
    assert "seal 180: the body is not the one that was sealed" in result.stderr
    assert not (tmp_path / "x").exists()


def test_a_register_which_proves_nothing_about_a_pack_is_refused(
    made: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "register").touch()
    result = verify(made["centre"], "--register", str(tmp_path / "register"))
    assert result.exit_code == USAGE
    assert "a pack takes --centre-key" in result.stderr


def test_verify_tells_what_is_no_pack_and_whose_it_is(made: dict[str, Path], tmp_path: Path) -> None:
    file = tmp_path / "pack.zip"
    file.write_bytes(b"no zip")
    assert verify(file).exit_code == NO
    result = verify(made["centre"], key=keys.public(STRANGER))
    assert result.exit_code == NO
    assert "made for the centre's key" in result.stderr
    without = CliRunner().invoke(cli, ["verify", str(made["centre"])])
    assert (without.exit_code, "--centre-key" in without.stderr) == (USAGE, True)


# -- the page


def test_the_page_is_whole_and_loads_nothing(made: dict[str, Path]) -> None:
    for path in made.values():
        parser = Strict()
        parser.feed(page_of(path))
        assert parser.open == []
        assert "script" not in parser.tags
        assert parser.loads == ["data:,"]


def test_the_browser_draws_the_page_without_a_complaint(made: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(page_of(made["centre"]), "utf-8")
    assert chromium.look(page, tmp_path / "page.png") == []
    assert (tmp_path / "page.png").stat().st_size > 20_000


def page_of(path: Path) -> str:
    return container.read(path.read_bytes(), NAMES).entries[PAGE_NAME].decode()


def test_the_page_tells_what_is_absent_and_why_and_what_the_clock_did(place: Plant, tmp_path: Path) -> None:
    out = tmp_path / "pack.zip"
    window = ["--from", utc(0), "--to", utc(3600)]
    assert evidence(*place.centre, *window, "--out", str(out)).exit_code == 0
    page = page_of(out)
    for text in (
        f"</span>{DROPPED}</td>",
        "given up by the gateway for want of room, as seal",
        "no seal was made: the gateway was off, or its agent stood still",
        "wall clock was set by 30000 ms",
        "data loss",
        "应不低于",
        "首个签封哈希",
    ):
        assert text in page, text


def test_verify_draws_the_evidence_anew_for_whoever_wants_only_that(
    made: dict[str, Path], tmp_path: Path
) -> None:
    anew = tmp_path / "anew.html"
    assert verify(made["gateway"], "--html", str(anew)).exit_code == 0
    assert anew.read_text("utf-8") == page_of(made["gateway"])
    assert verify(made["gateway"], "--html", str(tmp_path / "no" / "x")).exit_code == USAGE


# -- nothing changed is accepted


@pytest.fixture(scope="module")
def other() -> bytes:
    """A good pack of another gateway, with another centre's hand behind it."""
    one = packs.content(
        packs.run(packs.chain(6)),
        last=6,
        by_centre=True,
        statements=(packs.enrolment(),),
        receipts=(packs.receipt(packs.chain(6)[-1]),),
    )
    return make_pack(encode_content(one), packs.CENTRE_KEY, packs.CENTRE, None)[0]


def refused(
    pack: bytes, other: bytes, seed: int, count: int, *, thorough: bool
) -> Iterator[tuple[str, bool]]:
    for what, changed in islice(mutants(pack, other, seed), count):
        if changed != pack:
            yield what, check(changed, CENTRE_KEY, thorough=thorough).ok


@pytest.mark.parametrize("end", ["centre", "gateway"])
@pytest.mark.parametrize("thorough", [False, True])
def test_no_mutant_of_a_pack_is_accepted(
    made: dict[str, Path], other: bytes, end: str, *, thorough: bool
) -> None:
    pack = made[end].read_bytes()
    assert check(pack, CENTRE_KEY).ok
    found = list(refused(pack, other, 7 + thorough, MUTANTS, thorough=thorough))
    assert [what for what, ok in found if ok] == []
    assert len({what for what, _ in found}) > len(SKILLED) // 2


@pytest.mark.minutes
@pytest.mark.parametrize("end", ["centre", "gateway"])
def test_ten_thousand_mutants_of_two_packs_are_refused(made: dict[str, Path], other: bytes, end: str) -> None:
    found = list(refused(made[end].read_bytes(), other, 20261123, MUTANTS_WHOLE, thorough=False))
    assert [what for what, ok in found if ok] == []
    assert len(found) > MUTANTS_WHOLE * 0.98


@pytest.mark.parametrize("end", ["centre", "gateway"])
def test_a_changed_bit_in_any_part_is_named(made: dict[str, Path], tmp_path: Path, end: str) -> None:
    raw = made[end].read_bytes()
    for at in range(0, len(raw), len(raw) // 60):
        file = tmp_path / f"{at}.zip"
        file.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        result = verify(file)
        assert result.exit_code == NO, at
        assert str(file) in result.stderr
        assert any(word in result.stderr for word in ("byte ", "evidence.cbor", PAGE_NAME, INDEX_NAME)), at


def test_a_changed_page_is_named_with_its_place(made: dict[str, Path], tmp_path: Path) -> None:
    good = parts(made["gateway"].read_bytes())
    file, at = tmp_path / "pack.zip", good.page.index(b"<h2>")
    file.write_bytes(assembled(good.evidence, good.page[:at] + b"<h3>" + good.page[at + 4 :]))
    assert f"report.html is not what the evidence says, from byte {at + 2} on" in verify(file).stderr


def test_a_changed_seal_is_named_by_its_number(made: dict[str, Path], tmp_path: Path) -> None:
    raw = made["gateway"].read_bytes()
    entries = container.read(raw, NAMES).entries
    content = cbor2.loads(cbor2.loads(entries[NAMES[0]])[2])
    for cose, body in content[9][-1][5:40:10]:
        number = peek_header(cose).number
        for part in (cose, body):
            if part is None:
                continue
            at = raw.index(part) + len(part) - 5
            file = tmp_path / f"{number}-{at}.zip"
            file.write_bytes(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :])
            assert f"seal {number}:" in verify(file).stderr
