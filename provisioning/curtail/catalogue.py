"""The names of levels, grades, measures and laws in `response.toml`, read strictly once."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from attrs import frozen

from disk.tables import Table, TableError, decode_text, parse_toml
from evidence.curtailment.measures import Measure
from provisioning.loads.units import plain

BYTES_MAX: Final = 64 * 1024
FILE: Final = "response.toml"


@frozen
class Catalogue:
    """What words in a list mean, each by its plain form.

    Attributes:
        laws: Chinese name and English text.
        columns: Of a list, by what its heading may be, without blanks.
    """

    edition: str
    levels: Mapping[str, str]
    grades: Mapping[str, str]
    measures: Mapping[str, Measure]
    laws: Mapping[str, str]
    columns: Mapping[str, str]


@cache
def load_catalogue() -> Catalogue:
    """The catalogue that is shipped; raises TableError if it is wrong."""
    return parse_catalogue(files("provisioning.curtail").joinpath(FILE).read_bytes())


def parse_catalogue(raw: bytes) -> Catalogue:
    """The catalogue in a TOML file.

    Raises:
        TableError: With every mistake.
    """
    problems: list[str] = []
    top = Table(parse_toml(decode_text(raw, BYTES_MAX)), "", problems)
    edition = top.text("edition")
    levels, grades, measures, columns = (
        _read_names(top, key) for key in ("level", "grade", "measure", "column")
    )
    laws = {}
    for law in top.tables("law"):
        laws[law.text("name")] = law.text("english")
        law.finish()
    top.finish()
    problems += [
        f"measure: {one} is none of {', '.join(Measure)}" for one in set(measures.values()) - set(Measure)
    ]
    if problems:
        raise TableError(problems)
    return Catalogue(
        edition, levels, grades, {word: Measure(one) for word, one in measures.items()}, laws, columns
    )


def squeeze(text: str) -> str:
    """A word of a list as the catalogue has it: plain characters, lower case, no blanks."""
    return "".join(plain(text).split())


def _read_names(top: Table, key: str) -> dict[str, str]:
    """The id of each word; a word that means two things is a mistake."""
    found: dict[str, str] = {}
    for one in top.tables(key, required=True):
        id_ = one.text("id")
        for word in one.values("words"):
            if found.setdefault(squeeze(str(word)), id_) != id_:
                one.note("words", f"{word} stands for {id_} and {found[squeeze(str(word))]}")
        one.finish()
    return found
