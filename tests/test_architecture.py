"""ARCHITECTURE.md is held to the tree, and the tree to it."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

HERE: Final = Path(__file__).parent.parent
TEXT: Final = (HERE / "ARCHITECTURE.md").read_text("utf-8")
LINES_MAX: Final = 300
"""What a newcomer reads in one sitting; a fifth of it is the table, a line a room."""
LINTER: Final[dict[str, Any]] = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["tool"][
    "importlinter"
]
PACKAGES: Final = tuple(LINTER["root_packages"])


def rooms() -> set[str]:
    """Every folder of the product that holds modules."""
    found = {path.parent for package in PACKAGES for path in (HERE / package).rglob("*.py")}
    return {str(folder.relative_to(HERE)) for folder in found}


def section(heading: str) -> str:
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_it_can_be_read_in_one_sitting() -> None:
    assert len(TEXT.splitlines()) <= LINES_MAX


def test_the_picture_shows_the_floors_that_the_linter_holds() -> None:
    (picture,) = re.findall(r"```\n(.*?)```", section("The floors"), re.DOTALL)
    drawn = [re.split(r"\s{2,}", line)[0].split(" | ") for line in picture.splitlines()]
    floors = next(one for one in LINTER["contracts"] if one["name"] == "The packages stand on their floors")
    assert drawn == [layer.split(" | ") for layer in floors["layers"]]
    assert sorted(package for floor in drawn for package in floor) == sorted(PACKAGES)


def test_every_folder_stands_in_the_table_and_every_row_is_a_folder() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9_/]+)/` \| (.+?) \| (.+?) \|$", section("What lives where"), re.MULTILINE
    )
    assert sorted(folder for folder, _, _ in rows) == sorted(rooms())


@pytest.mark.parametrize("room", sorted(rooms()))
def test_every_folder_says_what_lives_there_and_what_does_not(room: str) -> None:
    said = ast.get_docstring(ast.parse((HERE / room / "__init__.py").read_text("utf-8")))
    assert said is not None
    lives, _, other = said.partition("\n\n")
    assert lives
    assert other


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_mirror_the_source(package: str) -> None:
    folders = {path.parent for path in (HERE / "tests" / package).rglob("test_*.py")}
    mirrored = {str(folder.relative_to(HERE / "tests")) for folder in folders}
    assert mirrored <= rooms()


def test_every_package_is_built_checked_and_linted() -> None:
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["tool"]
    assert tuple(project["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    assert tuple(project["mypy"]["packages"]) == PACKAGES
    paths = re.search(r"^PATHS\s+:= (.*)$", (HERE / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert paths is not None
    assert set(PACKAGES) <= set(paths[1].split())


def test_every_door_of_a_library_is_named() -> None:
    doors = [one for one in LINTER["contracts"] if one["type"] == "protected"]
    named = section("The floors")
    for door in doors:
        for importer in door["allowed_importers"]:
            assert importer in named or importer.rpartition(".")[0] in named, importer
