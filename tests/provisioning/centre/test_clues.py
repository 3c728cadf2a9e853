"""A clue from the store to its end, as two officers type it, and what a stranger says of the ledger."""

import json
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from agent.site.linkages import linkages_of
from agent.site.manifest import manifest_bodies
from agent.site.setups import setups_of
from agent.store.archive import open_gateway
from agent.store.names import DATABASE_NAME
from centre.core import Centre, Incoming
from centre.store.sqlite import SqliteStore
from evidence import cbor, keys
from evidence.record import Kind, encode_record
from provisioning.cli import cli
from tests.agent.rig import BEGIN_S
from tests.evidence.records import EPISODE
from tests.provisioning.learning.test_commission_chain import PLAN, Maker, stamp
from tests.provisioning.marks.test_verb import MARK
from wire import messages

HOUR_S: Final = 3_600
STOOD_H: Final = 14
HABIT_H: Final = 24
HOURS: Final = 34
"""It stands, then works; the last ten hours are the recheck's."""
STEP_S: Final = 120
SITE: Final = PLAN.replace("[site]", "[site]\nlongitude = 117.06\nlatitude = 36.67").replace(
    "[[meter]]", "[[meter]]\nfast_s = 120"
)
OFFICERS: Final = {"wang": "王芳", "li": "李强"}
FALSE_MARK: Final = evolve(
    MARK, id="false", from_s=BEGIN_S + 18 * HOUR_S, to_s=BEGIN_S + 22 * HOUR_S, reason="停产检修"
)


def call(*words: str | Path) -> Result:
    ran = CliRunner().invoke(cli, [*map(str, words)])
    assert "Traceback" not in ran.output
    return ran


def make_chain(folder: Path) -> list[tuple[bytes, bytes]]:
    """Production stands and then works, treatment beside it, but for an hour of an episode."""
    maker = Maker(folder, SITE)
    setups = setups_of(maker.site)
    for body in manifest_bodies(maker.site, setups, linkages_of(maker.site), None, "1", stamp(BEGIN_S)):
        maker.pending.append(encode_record(Kind.MANIFEST, stamp(BEGIN_S), body))
    begin_s = BEGIN_S + (STOOD_H + 2) * HOUR_S
    for at_s in range(BEGIN_S, BEGIN_S + HOURS * HOUR_S, STEP_S):
        is_on, is_off = at_s >= BEGIN_S + STOOD_H * HOUR_S, begin_s <= at_s < begin_s + HOUR_S
        maker.reading("mp", 40_000 if is_on else 500, stamp(at_s))
        maker.reading("mt", 9_000 if is_on and not is_off else 100, stamp(at_s))
        if at_s % (30 * STEP_S) == 0:
            maker.seal(stamp(at_s))
    end = stamp(BEGIN_S + HOURS * HOUR_S)
    episode = {**EPISODE, "id": "k1-off-7", "begin_at_s": begin_s, "raised_at_s": begin_s + 190}
    maker.pending += [
        encode_record(Kind.EPISODE, end, {**episode, "end_at_s": begin_s + HOUR_S, "state": "cleared"}),
        encode_record(
            Kind.EPISODE, end, {**episode, "id": "k1-stuck-8", "rule": "stuck", "severity": "integrity"}
        ),
        encode_record(Kind.MARK, end, FALSE_MARK.to_body()),
    ]
    maker.seal(end)
    file = maker.close()
    with closing(open_gateway(file.parent / "state" / DATABASE_NAME, "g1")) as archive:
        return [(row.cose, row.body or b"") for row in archive.rows(1, archive.last)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A centre with two officers, and a day of one gateway."""
    folder = tmp_path_factory.mktemp("clues")
    seals = make_chain(folder)
    first_key = json.loads((folder / "state/enrolment.json").read_text())["first_key"]
    store = SqliteStore(folder / "centre.db")
    store.enrol("g1", bytes.fromhex(first_key))
    root = keys.create_key_file(folder / "root.key")
    batch = [Incoming("dj/1/g1/seal", messages.encode_seal(cose, body)) for cose, body in seals]
    Centre(store, root).handle(batch, (BEGIN_S + HOURS * HOUR_S) * 1000)
    store.close()
    known = ("--orders", folder / "orders", "--key", folder / "root.key")
    assert call("centre", "keys", "root", *known).exit_code == 0
    for file, name in OFFICERS.items():
        public = keys.public(keys.create_key_file(folder / f"{file}.key")).hex()
        may = call(
            "centre", "keys", "certify", *known, "--role", "officer", "--name", name, "--area", "", public
        )
        assert may.exit_code == 0, may.output
    return folder


@pytest.fixture(autouse=True)
def place(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(whole, tmp_path / "centre")
    monkeypatch.chdir(tmp_path / "centre")
    return tmp_path / "centre"


BOOKS: Final = ("--orders", "orders", "--clues", "clues.jsonl")
STORE: Final = ("--store", "centre.db")
SINCE: Final = ("--since", "2020-01-01T00:00Z")
RECHECK: Final = (
    *("--recheck-from", f"@{HABIT_H}", "--recheck-until", f"@{HOURS}", "--text", "治污已恢复"),
    *("--stage", "rectifying", *STORE),
)


def moment(words: tuple[str, ...]) -> list[str]:
    """@12 is twelve hours after the beginning."""

    def write(hours: str) -> str:
        return datetime.fromtimestamp(BEGIN_S + int(hours) * HOUR_S, UTC).isoformat()

    return [write(one[1:]) if one.startswith("@") else one for one in words]


def clues(verb: str, *words: str, code: int = 0) -> Any:
    ran = call("centre", "clues", verb, *BOOKS, "--json", *moment(words))
    assert ran.exit_code == code, ran.output
    return json.loads(ran.stdout) if code == 0 else ran.stderr


def signed(verb: str, *words: str, by: str = "wang", code: int = 0) -> Any:
    return clues(verb, "--key", f"{by}.key", "--officer", OFFICERS[by], *words, code=code)


def begin(episode: str = "k1-off-7") -> Any:
    where = ("--gateway", "g1", *STORE, *SINCE)
    return signed("open", *where, "--episode", episode, "--text", "夜间治污停运，需核实")


def lead_to_end() -> None:
    begin()
    signed("step", "c1", "--stage", "verifying", "--text", "调取台账", by="li")
    signed("step", "c1", "--outcome", "plant", "--text", "现场核实属实", "--file", "orders")
    signed("step", "c1", "--stage", "disposing", "--text", "责令改正", by="li")
    signed("step", "c1", *RECHECK)
    signed("step", "c1", "--stage", "improving", "--close", "--text", "已规范", by="li")


def test_a_store_that_has_nothing_new_says_since_when_it_was_searched() -> None:
    since = ("--since", "2099-01-01+08:00")
    told = call("--lang", "en", "centre", "clues", "list", *BOOKS, *STORE, *since)
    assert "nothing since 2098-12-31T16:00:00.000Z could become a clue" in told.stdout, told.output
    missed = signed("open", *STORE, *since, "--gateway", "g1", "--verdict", "a/1/p1", "--text", "x", code=1)
    assert "2098-12-31T16:00:00.000Z" in missed


def test_a_clue_goes_from_the_store_to_its_end_and_anybody_can_check_it() -> None:
    before = clues("list", *STORE, *SINCE)
    assert before["clues"] == []
    assert [(one["what"], one["id"], one["rule"]) for one in before["candidates"]] == [
        ("episode", "k1-off-7", "off"),
        ("episode", "k1-stuck-8", "stuck"),
    ]
    lead_to_end()
    after = clues("list", *STORE, *SINCE)
    (clue,) = after["clues"]
    assert (clue["stage"], clue["closed"], clue["outcome"]) == ("improving", True, "plant")
    assert (clue["recheck"]["result"], clue["recheck"]["ran_s"]) == ("holds", (HOURS - HABIT_H) * HOUR_S)
    assert [one["id"] for one in after["candidates"]] == ["k1-stuck-8"]
    shown = clues("show", *STORE, "c1")
    assert [step["officer"] for step in shown["steps"]] == ["王芳", "李强", "王芳", "李强", "王芳", "李强"]
    assert shown["steps"][0]["links"][0]["found"] == "same"
    (rule,) = clues("rules")["rules"]
    assert (rule["rule"], rule["closed"], rule["precision"]) == ("off", 1, 1.0)
    exported = signed("export", "--out", "ledger.clues")
    checked = call("verify", "--json", "--centre-key", exported["root"], "ledger.clues")
    assert checked.exit_code == 0, checked.output
    told = json.loads(checked.stdout)
    assert (told["ok"], told["steps"], told["tip"], told["wrong"]) == (True, 6, exported["tip"], [])
    assert told["clues"][0]["outcome"] == "plant"


def test_a_step_that_is_taken_out_of_an_export_is_named_and_another_root_is_refused() -> None:
    lead_to_end()
    root = signed("export", "--out", "ledger.clues")["root"]
    items = cbor.decode(Path("ledger.clues").read_bytes(), 1 << 20)
    items[4].pop(2)
    Path("cut.clues").write_bytes(cbor.encode(items))
    ran = call("verify", "--json", "--centre-key", root, "cut.clues")
    assert ran.exit_code == 1
    assert json.loads(ran.stdout)["wrong"][0]["fault"] == "missing"
    assert "step 3 is missing" in ran.stderr
    items[5] = None
    Path("cut.clues").write_bytes(cbor.encode([*items[:4], items[4][:2], None]))
    ran = call("--lang", "zh", "verify", "--centre-key", root, "cut.clues")
    assert ran.exit_code == 1
    assert "没有签字的结尾" in ran.stdout
    other = call("verify", "--centre-key", "11" * 32, "ledger.clues")
    assert other.exit_code == 1
    assert "another root" in other.stderr


def test_a_false_mark_is_a_candidate_of_its_gateway_and_opens_a_clue() -> None:
    found = clues("list", "--gateway", "g1", "--marks", *STORE, *SINCE)["candidates"]
    assert [one["id"] for one in found if one["what"] == "mark"] == ["false"]
    opened = signed("open", "--gateway", "g1", *STORE, "--mark", "false", "--text", "停产标记与用电矛盾")
    assert opened["links"][0]["what"] == "mark"
    assert clues("show", *STORE, "c1")["steps"][0]["links"][0]["found"] == "same"


def test_a_device_that_was_abnormal_gets_a_work_order_in_both_languages() -> None:
    begin("k1-stuck-8")
    assert "does not say" in clues("work-order", "c1", code=1)
    signed("step", "c1", "--stage", "verifying", "--outcome", "device", "--text", "电流互感器松动")
    order = clues("work-order", "--html", "order.html", "c1")
    assert (order["gateway"], order["lines"], order["found"]) == ("g1", ["p1", "t1"], "电流互感器松动")
    page = Path("order.html").read_text("utf-8")
    assert "运维工单" in page
    assert order["sha256"] in page
    assert "运维工单" in call("--lang", "zh", "centre", "clues", "work-order", *BOOKS, "c1").stdout


def test_the_map_has_the_positions_of_the_site_files_and_makes_none_up() -> None:
    begin()
    assert clues("map", *STORE, "--out", "map.geojson") == {
        "file": "map.geojson",
        "features": 1,
        "unplaced": [],
    }
    Path("positions.csv").write_text("gateway,longitude,latitude\ng1,120.5,36.1\ng2,1,1\n", "utf-8")
    clues("map", *STORE, "--positions", "positions.csv", "--out", "other.geojson")
    moved = json.loads(Path("other.geojson").read_text("utf-8"))["features"]
    assert [one["geometry"]["coordinates"] for one in moved] == [[120.5, 36.1]]
    Path("positions.csv").write_text("g1,120.5,36.1\n", "utf-8")
    assert "line 1" in clues("map", *STORE, "--positions", "positions.csv", "--out", "third.geojson", code=2)
    drawn = json.loads(Path("map.geojson").read_text("utf-8"))
    assert drawn["features"][0]["geometry"] == {"type": "Point", "coordinates": [117.06, 36.67]}
    assert drawn["features"][0]["properties"]["clue"] == "c1"


REFUSED: Final[list[tuple[tuple[str, ...], int, str]]] = [
    (("step", "c1", "--stage", "disposing", "--text", "x"), 2, "disposing is no stage after screening"),
    (("step", "c9", "--text", "x"), 1, "has no clue c9"),
    (("step", "c1", "--text", "x" * 3_001), 2, "text is not a text of at most 3000 bytes"),
    (("step", "c1", "--recheck-from", "@1", "--text", "x"), 2, "needs both"),
    (("step", "c1", "--order", "d-1", "--text", "x"), 1, "no order d-1"),
    (("open", "--gateway", "g1", *STORE, "--text", "x"), 2, "name one origin"),
    (("open", "--gateway", "g1", *STORE, *SINCE, "--episode", "none", "--text", "x"), 1, "no episode none"),
]


@pytest.mark.parametrize(("words", "code", "says"), REFUSED)
def test_what_may_not_be_signed_leaves_the_ledger_as_it_was(
    words: tuple[str, ...], code: int, says: str
) -> None:
    begin()
    before = Path("clues.jsonl").read_bytes()
    assert says in signed(*words, code=code)
    assert Path("clues.jsonl").read_bytes() == before


def test_only_a_certified_officer_signs_and_a_changed_line_ends_it() -> None:
    begin()
    stranger = ("step", "--key", "root.key", "--officer", "王芳", "c1", "--text", "x")
    assert "is not the key of an officer" in clues(*stranger, code=2)
    shown = json.loads(call("centre", "keys", "list", "--orders", "orders", "--json").stdout)
    (wang,) = [one["key"] for one in shown["certificates"] if one["name"] == "王芳"]
    known = ("--orders", "orders", "--key", "root.key", "--reason", "离职")
    assert call("centre", "keys", "withdraw", *known, wang).exit_code == 0
    assert "was withdrawn" in signed("step", "c1", "--text", "x", code=2)
    assert len(clues("list")["clues"]) == 1, "what was signed before stays signed"
    raw = bytearray(Path("clues.jsonl").read_bytes())
    raw[len(raw) // 2] = ord("0") if raw[len(raw) // 2] != ord("0") else ord("1")
    Path("clues.jsonl").write_bytes(raw)
    assert "line 1" in clues("list", code=2)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_people_read_it_in_their_language(language: str) -> None:
    lead_to_end()
    for verb in (("show", *STORE, "c1"), ("list", *STORE, *SINCE), ("rules",)):
        ran = call("--lang", language, "centre", "clues", verb[0], *BOOKS, *verb[1:])
        assert ran.exit_code == 0, ran.output
        assert ("improving" in ran.stdout) == (language == "en" and verb[0] != "rules")
    shown = call("--lang", language, "centre", "clues", "show", *BOOKS, "c1").stdout
    assert ("用电复核" in shown) == (language == "zh")
