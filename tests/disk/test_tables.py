"""Files that people write: each reader takes them by the same rules, and each mistake is one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from attrs import field, frozen
from click.exceptions import ClickException
from click.exceptions import Exit as ClickExit
from hypothesis import given
from hypothesis import strategies as st

from agent.site.file import SITE_FILE_BYTES_MAX, ConfigError, load_site
from disk.classes import converter, structure
from disk.tables import Table, TableError, parse_toml
from drivers.errors import ModelError
from drivers.points.model import FILE_BYTES_MAX as MODEL_BYTES_MAX
from drivers.points.model import load_file, names
from firmware_sim.plant_file import FILE_BYTES_MAX as PLANT_BYTES_MAX
from firmware_sim.plant_file import PlantError, read_layout
from provisioning.journal.entries import Journal
from provisioning.journal.file import BYTES_MAX as JOURNAL_BYTES_MAX
from provisioning.journal.file import JournalError, dump_journal, load_journal
from provisioning.setup.answers import ANSWERS_BYTES_MAX, read_answers

ROOT: Final = Path(__file__).parents[2]
MARK: Final = b"\xef\xbb\xbf"
READERS: Final[dict[str, tuple[Callable[[Path], object], int, bytes]]] = {
    "site": (load_site, SITE_FILE_BYTES_MAX, b'[site]\ngateway = "g1"\n'),
    "model": (load_file, MODEL_BYTES_MAX, (ROOT / f"drivers/models/{names()[0]}.toml").read_bytes()),
    "plant": (read_layout, PLANT_BYTES_MAX, (ROOT / "firmware_sim/plants/ten-meters.toml").read_bytes()),
    "journal": (load_journal, JOURNAL_BYTES_MAX, dump_journal(Journal())),
    "answers": (read_answers, ANSWERS_BYTES_MAX, b'language = "zh"\n'),
}


def complain(reader: str, data: bytes, path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines in which a reader says what is wrong with a file."""
    path.write_bytes(data)
    try:
        READERS[reader][0](path)
    except (ConfigError, ModelError, PlantError, JournalError) as error:
        return str("\n".join(error.problems)).splitlines()
    except (ClickException, ClickExit, SystemExit):
        return capsys.readouterr().err.splitlines()
    return []


@pytest.mark.parametrize("reader", READERS)
def test_a_byte_order_mark_is_skipped(
    reader: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = READERS[reader][2]
    assert complain(reader, good, tmp_path / "file", capsys) == []
    assert complain(reader, MARK + good, tmp_path / "file", capsys) == []


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff", "is not UTF-8 at byte 0"),
        (b"= [", "is not "),
        (b"a = " + b"[" * 3000, "is not "),
        (b"a = " + b"9" * 6000, "is not "),
        (b'a = "\n"', "is not "),
    ],
)
def test_what_is_no_table_is_one_line(
    reader: str, data: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = complain(reader, data, tmp_path / "file", capsys)
    assert said in line


@pytest.mark.parametrize("reader", READERS)
def test_a_file_has_a_greatest_size(reader: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limit = READERS[reader][1]
    (line,) = complain(reader, b"#" * (limit + 1), tmp_path / "file", capsys)
    assert f"at most {limit} are read" in line


@pytest.mark.parametrize("reader", READERS)
def test_a_key_that_nobody_knows_is_named(
    reader: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = READERS[reader][2]
    strange = b'"str\\nange" = 1\n'
    data = json.dumps(json.loads(good) | {"str\nange": 1}).encode() if good[:1] == b"{" else strange + good
    (line,) = complain(reader, data, tmp_path / "file", capsys)
    assert "'str\\nange': unknown key" in line


@frozen
class Inner:
    number: float = 0.0
    both: tuple[int, str] = (0, "")


@frozen
class Outer:
    inner: Inner
    name: str | None = None
    items: tuple[Inner, ...] = ()
    flags: tuple[bool, ...] = ()
    hidden: str = field(default="", kw_only=True)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["inner: missing"]),
        ("inner = 3", ["inner: must be a table, not 3"]),
        ("[inner]\nnumbr = 1", ["inner.numbr: unknown key, did you mean number?"]),
        ("[inner]\nnumber = true", ["inner.number: must be a number from -1e+15 to 1e+15, not True"]),
        ("[inner]\nnumber = nan", ["inner.number: must be a number from -1e+15 to 1e+15, not nan"]),
        ("[inner]\nboth = [1]", ["inner.both: must be a list of 2, not [1]"]),
        ('hidden = "x"\n[inner]', ["hidden: unknown key; known: inner, name, items, flags"]),
        ('flags = "yes"\n[inner]', ["flags: must be a list, not 'yes'"]),
        (
            "flags = [true, 1]\nname = 7\n[inner]\n[[items]]\n[[items]]\nnumber = 'x'",
            [
                "name: must be a text in quotes, of at most 4000 characters, not 7",
                "items[1].number: must be a number from -1e+15 to 1e+15, not 'x'",
                "flags[1]: must be true or false, not 1",
            ],
        ),
    ],
)
def test_every_mistake_of_a_class_has_its_place(text: str, problems: list[str]) -> None:
    with pytest.raises(TableError) as caught:
        structure(converter(), parse_toml(text), Outer)
    assert list(caught.value.problems) == problems


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@given(VALUES, st.sampled_from(["inner", "number", "both", "items", "name", "flags"]))
def test_no_value_passes_as_what_it_is_not_and_each_mistake_is_one_line(value: object, key: str) -> None:
    problems: list[str] = []
    table = Table({"inner": {}, key: value}, "", problems)
    table.number("number", 0.0, low=0, high=1)
    table.text("name", "")
    for part in table.tables("items"):
        part.finish()
    table.table("inner").finish()
    table.finish()
    try:
        made = structure(converter(), {"inner": {}, key: value}, Outer)
    except TableError as error:
        problems += error.problems
    else:
        assert isinstance(made.inner, Inner)
        assert all(type(flag) is bool for flag in made.flags)
    assert all(len(line.splitlines()) == 1 and len(line) < 300 for line in problems)
