"""What comes from outside reaches no terminal, log or page but through the rim (`disk.plain_text`).

Two tests: nobody else prints, by the source; and a chain, a register and a request that are full of what a
terminal obeys go through every verb that shows them.
"""

import ast
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from centre.core import Centre, Incoming
from centre.json_lines import as_text
from centre.register import enrol_in, read_register
from centre.store.sqlite import SqliteStore
from evidence import cbor, keys
from evidence.body import encode_body
from evidence.record import Kind
from evidence.statement import EnrolledMeter, Enrolment, Rekey, sign_statement
from provisioning.cli import cli
from tests.evidence.chains import GATEWAY, NOON_NS, Chain, secret, stamp
from tests.evidence.records import BODIES, EPISODE
from wire import messages

ROOT: Final = Path(__file__).parent.parent.parent
RIM: Final = {
    "provisioning/terminal/say.py": "the rim",
    "provisioning/centre/subscribe.py": "what the subscriber made into lines, through the rim",
    "provisioning/centre/consume.py": "JSON, through the rim",
    "centre/enrolment/desk.py": "JSON, through the rim",
    "agent/main.py": "JSON, through the rim",
}
"""Who prints, and why he may."""
PRINTS: Final = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}
WORDS: Final = ("print", "echo", "stdout", "stderr")
"""A source without any of these in its text prints nowhere."""


def printed(tree: ast.AST) -> Iterator[str]:
    """The calls by which a module prints."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if (called := ast.unparse(node.func)) in PRINTS:
            yield called


def test_nobody_prints_but_the_rim() -> None:
    found = {}
    for package in ("agent", "centre", "disk", "drivers", "evidence", "provisioning", "wire"):
        for file in (ROOT / package).rglob("*.py"):
            name = file.relative_to(ROOT).as_posix()
            text = file.read_text("utf-8")
            if any(one in text for one in WORDS) and (calls := set(printed(ast.parse(text)))):
                found[name] = calls
    assert found.keys() == RIM.keys(), found


EVIL: Final = "x\x1b[2J\nverdict: good\x1b[8m\x9b8m\u202e\u2028\x7f"
LONG: Final = "n" * 10_000
CENTRE: Final = keys.generate()
RECOVERY: Final = keys.generate()


def seal_of(chain: Chain, *bodies: tuple[int, dict[str, Any]]) -> Incoming:
    records = []
    for kind, body in bodies:
        at = stamp(chain.number)
        times = [at.utc_ns // 10**6, at.boottime_ns // 10**6]
        records.append(cbor.encode([int(kind), *times, 0, body]))
    made = chain.seal(records)
    return Incoming(f"dj/1/{GATEWAY}/seal", messages.encode_seal(made.cose, encode_body(records)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A centre with one gateway, in which every text that can be chosen is EVIL."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "centre.key").write_text(CENTRE.hex() + "\n")
    (folder / "centre.key").chmod(0o600)
    meters = (EnrolledMeter("m\x1b[8m", EVIL[:60], 1, "s\nverdict: good"),)
    enrolment = Enrolment(GATEWAY, EVIL[:60], keys.public(secret(1)), keys.public(RECOVERY), meters, 5)
    enrol_in(folder / "register.jsonl", enrolment, CENTRE)
    entry = read_register(folder / "register.jsonl")[GATEWAY]
    store = SqliteStore(folder / "centre.db")
    centre = Centre(store, CENTRE)
    centre.enrol(GATEWAY, entry.first_key, entry.recovery_key, entry.enrolment, NOON_NS // 10**6)
    chain = Chain()
    said = {"what": EVIL, "text": EVIL, "meter": EVIL[:60], EVIL: LONG}
    episode = {**EPISODE, "id": EVIL, "rule": EVIL, "state": EVIL, "sentence": {"zh": EVIL, "en": EVIL}}
    manifest = {**BODIES[Kind.MANIFEST], "site": EVIL, "version": EVIL, "meters": {EVIL: {"line": EVIL}}}
    told = centre.handle(
        [
            seal_of(chain, (Kind.MANIFEST, manifest), (Kind.EPISODE, episode)),
            seal_of(chain, (Kind.EVENT, said), (Kind.TAMPER, said), (Kind.COMMISSIONING, {"what": EVIL})),
            seal_of(chain, (Kind.DROP, {"first": 1, "last": 1, "why": EVIL}), (99, {EVIL: 1})),
        ],
        NOON_NS // 10**6,
    )[1]
    key = keys.generate()
    at = {"number": chain.number, "previous": chain.previous, "first_record": chain.next_record}
    rekey = Rekey(GATEWAY, **at, next_key=keys.public(key), utc_ms=9, reason=EVIL)
    raw = messages.encode_statement(sign_statement(rekey, RECOVERY))
    told += centre.handle([Incoming(f"dj/1/{GATEWAY}/rekey", raw), Incoming(EVIL, EVIL.encode())], 5)[1]
    told += centre.handle([Incoming(f"dj/1/{GATEWAY}/state", json.dumps({"a": EVIL}).encode())], 5)[1]
    (folder / "lines.json").write_text("\n".join(map(as_text, told)), "utf-8")
    store.close()
    return folder


def controls(text: str) -> set[str]:
    """What a terminal might obey, a line feed excepted."""
    return {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}} - {"\n"}


def run(folder: Path, *arguments: str) -> str:
    """All that a verb says, on a terminal; it ends in no traceback."""
    called = [argument.replace("@", f"{folder}/") for argument in arguments]
    ran = CliRunner().invoke(cli, ["--lang", "en", *called], color=True)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.output + ran.stderr


KEY: Final = ("--centre-key", keys.public(CENTRE).hex())
STORE: Final = ("--store", "@centre.db", "--gateway", GATEWAY)
WINDOW: Final = ("--from", "2025-01-01T00:00:00Z", "--to", "2025-01-20T00:00:00Z")
MADE: Final = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z")


def test_no_verb_that_reads_a_chain_of_evil_texts_obeys_them(place: Path) -> None:
    verbs = (
        ("export", *STORE, "@chain.cbor"),
        ("verify", *KEY, "@chain.cbor"),
        ("verify", *KEY, "--json", "@chain.cbor"),
        ("evidence", *STORE, "--key", "@centre.key", *MADE, "--out", "@pack.zip"),
        ("evidence", *STORE, "--key", "@centre.key", *WINDOW, "--out", "@none.zip"),
        ("evidence", *STORE, "--key", "@centre.key", "--episode", "x", "--out", "@one.zip"),
        ("evidence", *STORE, "--key", "@centre.key", "--episode", "none", "--out", "@none.zip"),
        ("verify", *KEY, "@pack.zip"),
        ("verify", *KEY, "--json", "@pack.zip"),
        ("verify", *KEY, "--html", "@drawn.html", "@pack.zip"),
        ("centre", "list", "--registry", "@register.jsonl", "--store", "@centre.db"),
        ("centre", "list", "--registry", "@register.jsonl", "--store", "@centre.db", "--json"),
        ("centre", "list", "--register", "@register.jsonl", "--store", "@centre.db"),
        ("centre", "list", "--register", "@register.jsonl", "--store", "@centre.db", "--json"),
    )
    for verb in verbs:
        said = run(place, *verb)
        assert said, verb
        assert controls(said) == set(), verb
        assert sum(line.startswith("verdict: ") for line in said.splitlines()) <= 1, verb
        assert max(map(len, said.splitlines())) < 20_000, verb
    page = (place / "drawn.html").read_text("utf-8")
    assert controls(page) <= {"\t"}
    assert "\\x1b" in page, "shown, and not left out"


def test_a_chain_of_evil_texts_is_good_and_its_flaws_are_named(place: Path) -> None:
    run(place, "export", *STORE, "@chain.cbor")
    said = run(place, "verify", *KEY, "@chain.cbor")
    assert "verdict: good, but 1 seal holds malformed records" in said
    assert "seal 3: record: record" in said


def test_the_lines_of_the_centre_are_json_that_no_terminal_obeys(place: Path) -> None:
    lines = (place / "lines.json").read_text("utf-8").split("\n")
    assert controls("\n".join(lines)) == set()
    assert any(json.loads(line).get("id") == EVIL for line in lines), "the same value for every reader"
