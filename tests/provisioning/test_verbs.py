"""What the verbs say to wrong words and wrong files: one line that names the mistake, and an exit code."""

import json
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.site.enrolment import write_enrolment
from agent.store.gateway import GatewayStore
from centre.register import enrolment_line
from centre.store.sqlite import SqliteStore
from disk import language as languages
from evidence.keys import create_key_file, public
from evidence.statement import Enrolment, Rekey, Revoke, sign_statement
from provisioning import cli
from tests.evidence.chains import Chain
from tests.provisioning.plant import SITE

KEY = "00" * 32
CENTRE, RECOVERY, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))
LONG = "x" * 201
REKEYED = sign_statement(Rekey("gw-7", 2, bytes([5]) * 32, 2, public(OTHER), 9, "lost"), RECOVERY)
REVOKED = sign_statement(Revoke("gw-7", 2, bytes([5]) * 32, 9, "stolen"), CENTRE)
DEAD = "tcp://127.0.0.1:1"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good and bad files of each kind."""
    folder = tmp_path_factory.mktemp("verbs") / "place"
    folder.mkdir()
    with chdir(folder):
        fill()
    return folder


@pytest.fixture
def place(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it to work in."""
    shutil.copytree(template, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    language = list(languages._chosen)
    yield tmp_path / "place"
    languages._chosen[:] = language


def fill() -> None:
    Path("site.toml").write_text(SITE, "utf-8")
    Path("fresh.toml").write_text(SITE + '[store]\npath = "fresh"\n', "utf-8")
    Path("broken.toml").write_text("x = [", "utf-8")
    Path("latin").write_bytes(b"\xff\xfe")
    Path("noise.toml").write_bytes(bytes(range(256)) * 400)
    Path("folder").mkdir()
    Path("state").mkdir()
    store = GatewayStore(Path("state/chain.db"), 16 << 20)
    store.append(Chain().seal())
    store.close()
    Path("torn").mkdir()
    Path("torn/chain.db").write_bytes(b"no database" * 1000)
    Path("new").mkdir()
    GatewayStore(Path("new/chain.db"), 16 << 20).close()
    create_key_file(Path("key"))
    Path("register").write_text("", "utf-8")
    write_enrolment(Path(), "gw-1", bytes([7]) * 32)
    Path("other.json").write_text(json.dumps({"gateway": "gw-1", "first_key": "11" * 32}), "utf-8")
    Path("zeros.json").write_text(json.dumps({"gateway": "gw-1", "first_key": KEY}), "utf-8")
    Path("keyless.json").write_text(json.dumps({"gateway": "gw-1"}), "utf-8")
    Path("rekey.json").write_text(json.dumps({"statement": REKEYED.hex()}), "utf-8")
    Path("revoke.json").write_text(json.dumps({"statement": REVOKED.hex()}), "utf-8")
    centre = SqliteStore(Path("centre.db"))
    enrolment = Enrolment("gw-7", "", Chain().enrolled().first_key, public(RECOVERY), (), 0)
    raw = sign_statement(enrolment, CENTRE)
    centre.enrol("gw-7", enrolment.first_key, enrolment.recovery_key, raw)
    centre.close()
    lines = enrolment_line("gw-7", enrolment.first_key, enrolment.recovery_key, raw)
    Path("enrolled").write_text(lines + enrolment_line("gw-0", bytes([9]) * 32), "utf-8")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, arguments, prog_name="dianjian")


USAGE, OUTSIDE, NO = 2, 3, 1


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("read ftp://x --model eastron-sdm630", USAGE, "expected one of tcp://host"),
        (f"read {DEAD} --model nosuch", USAGE, "no meter model is called nosuch"),
        (f"read {DEAD} --model nosuch.toml", USAGE, "nosuch.toml"),
        (f"read {DEAD} --model broken.toml", USAGE, "broken.toml"),
        (f"read {DEAD} --model noise.toml", USAGE, "noise.toml"),
        (f"read {DEAD} --model eastron-sdm630", OUTSIDE, "Connection refused"),
        (f"read {DEAD} --model eastron-sdm630 --ct 0", USAGE, "--ct"),
        (f"read {DEAD} --model eastron-sdm630 --ct nan", USAGE, "--ct"),
        (f"read {DEAD} --model eastron-sdm630 --pt -1", USAGE, "--pt"),
        ("read rtu:/nonexistent --model eastron-sdm630", OUTSIDE, "/nonexistent"),
        ("read rtu:/dev/null --model eastron-sdm630", OUTSIDE, "/dev/null"),
        ("scan nowhere", USAGE, "expected one of"),
        (f"scan {DEAD} --first 9 --last 3", USAGE, "--first 9 is above --last 3"),
        (f"scan {DEAD} --timeout nan", USAGE, "--timeout"),
        (f"scan {DEAD} --timeout -1", USAGE, "--timeout"),
        (f"scan {DEAD}", OUTSIDE, "Connection refused"),
        ("models check nosuch.toml", USAGE, "nosuch.toml"),
        ("models check noise.toml", USAGE, "noise.toml"),
        ("status --config nosuch.toml", USAGE, "cannot be read"),
        ("status --config latin", USAGE, "is UTF-16, not UTF-8"),
        ("status --config folder", USAGE, "Is a directory"),
        ("status --config site.toml", OUTSIDE, "no agent answers"),
        ("enrol --config broken.toml", USAGE, "is not TOML"),
        ("centre init --key key", USAGE, "never overwritten"),
        ("centre init --key nosuch/key", USAGE, "No such file"),
        ("centre key --key nosuch", USAGE, "nosuch"),
        ("centre key --key latin", USAGE, "latin"),
        ("centre key --key site.toml", USAGE, "no key"),
        ("centre enrol --register register enrolment.json", USAGE, "--key"),
        ("centre enrol --register register --key key latin", USAGE, "not an enrolment"),
        ("centre enrol --register register --key key broken.toml", USAGE, "not an enrolment"),
        ("centre enrol --register register --key key zeros.json", USAGE, "first_key is no key"),
        ("centre enrol --register register --key key keyless.json", USAGE, "no first_key"),
        ("centre enrol --register register --key latin enrolment.json", USAGE, "latin"),
        ("centre enrol --register latin --key key enrolment.json", USAGE, "not UTF-8"),
        ("centre enrol --register site.toml --key key enrolment.json", USAGE, "line 2"),
        ("centre enrol --register nosuch/r --key key enrolment.json", USAGE, "No such file"),
        ("centre list --register nosuch", USAGE, "nosuch"),
        ("centre list --register enrolled --store torn/chain.db", USAGE, "not a database"),
        ("centre rekey --register enrolled latin", USAGE, "not a re-key"),
        ("centre rekey --register enrolled other.json", USAGE, "not a re-key"),
        ("centre rekey --register enrolled revoke.json", USAGE, "another statement"),
        ("centre rekey --register register rekey.json", USAGE, "gw-7 is not enrolled"),
        ("centre receipt --key key --store nosuch gw-7", USAGE, "no database is there"),
        ("centre receipt --key key --store centre.db gw-8", USAGE, "nothing has come of gateway gw-8"),
        ("centre receipt --key latin --store centre.db gw-7", USAGE, "latin"),
        ("centre revoke --register enrolled --key key --store centre.db gw-7", USAGE, "--reason"),
        (
            "centre revoke --register register --key key --store centre.db --reason x gw-7",
            USAGE,
            "not enrolled",
        ),
        (
            f"centre revoke --register enrolled --key key --store centre.db --reason {'x' * 201} gw-7",
            USAGE,
            "reason",
        ),
        (
            "centre replace --register enrolled --key key --store centre.db --request latin gw-7",
            USAGE,
            "not a request",
        ),
        (
            "centre replace --register enrolled --key key --store centre.db --request other.json gw-7",
            USAGE,
            "gateway gw-1, not gw-7",
        ),
        ("enrol --config fresh.toml", USAGE, "a new gateway needs --recovery FILE"),
        ("enrol --config fresh.toml --recovery key", USAGE, "never overwritten"),
        ("enrol --config fresh.toml --recovery fresh/recovery", USAGE, "is in the state folder"),
        ("enrol --config fresh.toml --recovery nosuch/recovery", USAGE, "No such file"),
        ("export out", USAGE, "either --state, or --store and --gateway"),
        ("export --store centre.db out", USAGE, "either --state, or --store and --gateway"),
        ("export --store nosuch --gateway gw-7 out", USAGE, "no database is there"),
        ("export --store centre.db --gateway gw-8 out", USAGE, "nothing has come of gateway gw-8"),
        ("export --state nosuch out", USAGE, "no chain is there"),
        ("export --state new out", NO, "holds no seal yet"),
        ("export --state torn out", USAGE, "not a database"),
        ("explain --state torn", USAGE, "not a database"),
        ("export --state state nosuch/out", USAGE, "there is no folder"),
        ("export --state state /dev/full", USAGE, "No space left"),
        ("verify --first-key abcd noise.toml", USAGE, "64 hexadecimal digits"),
        ("verify noise.toml", USAGE, "either --first-key or --register"),
        (f"verify --first-key {KEY} noise.toml", NO, "not an exported chain"),
        ("verify --register latin noise.toml", USAGE, ""),
        ("verify --register register noise.toml", USAGE, "not an exported chain"),
        ("subscribe --broker ftp://x --register register --key key --store c.db", USAGE, "ftp"),
        ("subscribe --broker mqtt://127.0.0.1 --register nosuch --key key --store c.db", USAGE, "nosuch"),
        ("subscribe --broker mqtt://127.0.0.1 --register register --key latin --store c.db", USAGE, "latin"),
        ("subscribe --broker mqtt://127.0.0.1 --register register --key key --store no/c", USAGE, "no/c"),
        (
            "subscribe --broker mqtt://127.0.0.1 --register register --key key --store torn/chain.db",
            OUTSIDE,
            "not a database",
        ),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(line: str, code: int, says: str) -> None:
    ended = call(*line.split())
    assert ended.exit_code == code, (ended.output, ended.exception)
    assert ended.exception is None or isinstance(ended.exception, SystemExit)
    told = [text for text in ended.stderr.splitlines() if text.strip()]
    assert says in told[-1]
    if not told[-1].startswith("Error: "):  # click's own words come with a hint
        assert all(text.startswith(("dianjian: ", "dianjian-agent: ")) for text in told)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("verb", list(cli.VERBS))
def test_every_verb_explains_itself(verb: str) -> None:
    ended = call(verb, "--help")
    assert ended.exit_code == 0
    assert "Usage: dianjian " in ended.output


def test_a_verb_that_is_none_is_refused() -> None:
    assert call("nosuch").exit_code == 2


@pytest.mark.usefixtures("place")
def test_the_old_name_of_the_register_s_option_works_and_is_not_shown() -> None:
    listed = call("centre", "list", "--register", "enrolled")
    assert (listed.exit_code, "gw-7" in listed.output) == (0, True)
    for old in (("--registry", "enrolled"), ("--registry=enrolled",)):
        assert call("centre", "list", *old).output == listed.output
    shown = call("centre", "list", "--help").output
    assert ("--register FILE" in shown, "--registry" in shown) == (True, False)
    assert "Missing option '--register'." in call("centre", "list").stderr


@pytest.mark.usefixtures("place")
def test_a_gateway_is_added_to_the_register_once_and_never_under_another_key() -> None:
    Path("register").write_text(json.dumps({"gateway": "gw-0", "first_key": "22" * 32}), "utf-8")
    for _ in range(2):
        added = call("centre", "enrol", "--register", "register", "--key", "key", "enrolment.json")
        assert (added.exit_code, added.output) == (0, "register: 2 gateways\n")
    before = Path("register").read_bytes()
    ended = call("centre", "enrol", "--register", "register", "--key", "key", "other.json")
    assert ended.exit_code == 2
    assert ended.stderr == (
        "dianjian: register: gw-1 is enrolled with another first key; new hardware goes on with "
        "`dianjian centre replace`\n"
    )
    assert Path("register").read_bytes() == before


@pytest.mark.usefixtures("place")
def test_an_exported_chain_is_verified_with_the_first_key() -> None:
    assert call("export", "--state", "state", "out").exit_code == 0
    key = Chain().enrolled().first_key.hex()
    good = call("verify", "--first-key", key, "--json", "out")
    assert good.exit_code == 0
    assert json.loads(good.output)["seals"] == 1
    assert call("verify", "--first-key", KEY, "out").exit_code == 1
    Path("none").write_bytes(b"no chain")
    for more in ([], ["--json"]):
        nothing = call("verify", "--first-key", key, "none", *more)
        assert nothing.exit_code == 1
        assert "1970" not in nothing.output
