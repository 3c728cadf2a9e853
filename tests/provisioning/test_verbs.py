"""What the verbs say to wrong words and wrong files: one line that names the mistake, and an exit code."""

import json
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.enrolment import write_enrolment
from agent.evidence.keys import create_key_file
from agent.store.gateway import GatewayStore
from provisioning import cli, words
from tests.evidence.chains import Chain
from tests.provisioning.plant import SITE

KEY = "00" * 32
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
    language = list(words._language)
    yield tmp_path / "place"
    words._language[:] = language


def fill() -> None:
    Path("site.toml").write_text(SITE, "utf-8")
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
    Path("registry").write_text("", "utf-8")
    write_enrolment(Path(), "gw-1", bytes(32))
    Path("other.json").write_text(json.dumps({"gateway": "gw-1", "first_key": "11" * 32}), "utf-8")


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
        ("status --config latin", USAGE, "not UTF-8 at byte 0"),
        ("status --config folder", USAGE, "Is a directory"),
        ("status --config site.toml", OUTSIDE, "is it running?"),
        ("enrol --config broken.toml", USAGE, "is not TOML"),
        ("centre init --key key", USAGE, "never overwritten"),
        ("centre init --key nosuch/key", USAGE, "No such file"),
        ("centre key --key nosuch", USAGE, "nosuch"),
        ("centre key --key latin", USAGE, "latin"),
        ("centre key --key site.toml", USAGE, "no key"),
        ("centre enrol --registry registry latin", USAGE, "not an enrolment"),
        ("centre enrol --registry registry broken.toml", USAGE, "not an enrolment"),
        ("centre enrol --registry latin enrolment.json", USAGE, "not UTF-8"),
        ("centre enrol --registry site.toml enrolment.json", USAGE, "line 2"),
        ("centre enrol --registry nosuch/r enrolment.json", USAGE, "No such file"),
        ("export --state nosuch out", USAGE, "no chain is there"),
        ("export --state new out", NO, "holds no seal yet"),
        ("export --state torn out", USAGE, "not a database"),
        ("explain --state torn", USAGE, "not a database"),
        ("export --state state nosuch/out", USAGE, "No such file"),
        ("export --state state /dev/full", USAGE, "No space left"),
        ("verify --first-key abcd noise.toml", USAGE, "64 hexadecimal digits"),
        ("verify noise.toml", USAGE, "either --first-key or --registry"),
        (f"verify --first-key {KEY} noise.toml", NO, "not an exported chain"),
        ("verify --registry latin noise.toml", USAGE, ""),
        ("verify --registry registry noise.toml", USAGE, "not an exported chain"),
        ("subscribe --broker ftp://x --registry registry --key key --store c.db", USAGE, "ftp"),
        ("subscribe --broker mqtt://127.0.0.1 --registry nosuch --key key --store c.db", USAGE, "nosuch"),
        ("subscribe --broker mqtt://127.0.0.1 --registry registry --key latin --store c.db", USAGE, "latin"),
        ("subscribe --broker mqtt://127.0.0.1 --registry registry --key key --store no/c", USAGE, "no/c"),
        (
            "subscribe --broker mqtt://127.0.0.1 --registry registry --key key --store torn/chain.db",
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
def test_a_gateway_is_added_to_the_register_once_and_never_under_another_key() -> None:
    Path("registry").write_text(json.dumps({"gateway": "gw-0", "first_key": "22" * 32}), "utf-8")
    for _ in range(2):
        added = call("centre", "enrol", "--registry", "registry", "enrolment.json")
        assert (added.exit_code, added.output) == (0, "registry: 2 gateways\n")
    before = Path("registry").read_bytes()
    ended = call("centre", "enrol", "--registry", "registry", "other.json")
    assert ended.exit_code == 2
    assert ended.stderr == "dianjian: registry: gw-1 is enrolled with another first key\n"
    assert Path("registry").read_bytes() == before
    assert not Path("registry.new").exists()


@pytest.mark.usefixtures("place")
def test_an_exported_chain_is_verified_with_the_first_key() -> None:
    assert call("export", "--state", "state", "out").exit_code == 0
    key = Chain().enrolled().first_key.hex()
    good = call("verify", "--first-key", key, "--json", "out")
    assert good.exit_code == 0
    assert json.loads(good.output)["seals"] == 1
    assert call("verify", "--first-key", KEY, "out").exit_code == 1
