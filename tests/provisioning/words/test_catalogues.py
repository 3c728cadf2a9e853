"""Every text of the product in both languages: what is a bilingual text at all, and that each is whole.

The sources are read, so no list of catalogues is kept. A bilingual text is a call of `Words`; a catalogue is
a mapping whose values hold such calls. A string in Chinese beside one in English anywhere else is a finding.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("agent", "centre", "disk", "drivers", "evidence", "firmware_sim", "provisioning", "wire")
CJK = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z]")
ACCESSORS = {"label": ("provisioning/words/labels.py", "LABELS")}
"""Functions whose first argument is a key of a catalogue."""


@cache
def trees() -> Mapping[str, ast.Module]:
    """Every source of the product, by its path."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8"))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def is_words(node: ast.AST) -> bool:
    """Whether this is a call that makes a bilingual text of two."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Words"
        and len(node.args) == 2
    )


def text_of(node: ast.AST) -> str | None:
    """The text of a literal, with {} for what is put into it when it is an f-string; None of all else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def bilingual_texts() -> Iterator[tuple[str, str, str]]:
    """The place, the Chinese and the English of each call of `Words` with literals."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if is_words(node):
                assert isinstance(node, ast.Call)
                zh, en = map(text_of, node.args)
                if zh is not None and en is not None:
                    yield f"{path}:{node.lineno}", zh, en


def catalogues() -> Iterator[tuple[str, str, ast.Dict]]:
    """The path, the name and the literal of every mapping at the top of a module that holds `Words`."""
    for path, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
                named, table = node.target, node.value
                if isinstance(named, ast.Name) and any(map(is_words, ast.walk(table))):
                    yield path, named.id, table


def keys_of(table: ast.Dict) -> set[str]:
    return {key.value for key in table.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def beside(node: ast.AST) -> Sequence[ast.AST]:
    """The parts of a node that stand beside each other, none of a call of `Words`."""
    if isinstance(node, ast.Tuple | ast.List):
        return node.elts
    if isinstance(node, ast.Call):
        named = [keyword.value for keyword in node.keywords if keyword.arg in {"zh", "en"}]
        return () if is_words(node) else [*node.args, *named]
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.IfExp):
        return (node.body, node.orelse)
    return ()


def is_pair(one: str, other: str) -> bool:
    """Whether a text in Chinese stands beside one in English; a language's own name is in that language."""
    is_name = one.startswith("中文")
    return not is_name and bool(CJK.search(one)) and not CJK.search(other) and bool(LATIN.search(other))


def strays() -> Iterator[str]:
    """Where a text stands in Chinese beside one in English, outside of `Words`."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            texts = [text_of(part) for part in beside(node)]
            for one, other in pairwise(texts):
                if one is not None and other is not None and (is_pair(one, other) or is_pair(other, one)):
                    yield f"{path}:{getattr(node, 'lineno', 0)}: {one!r} beside {other!r}"


def literals(path: str) -> set[str]:
    """All texts of a module but those in the keys of a catalogue and in `Words`."""
    tree = trees()[path]
    tables = [table for at, _, table in catalogues() if at == path]
    left_out = {id(key) for table in tables for key in table.keys}
    left_out |= {id(part) for node in ast.walk(tree) if is_words(node) for part in ast.walk(node)}
    return {text for node in ast.walk(tree) if id(node) not in left_out and (text := text_of(node))}


@cache
def all_literals() -> frozenset[str]:
    return frozenset().union(*map(literals, trees()))


@cache
def patterns() -> Sequence[re.Pattern[str]]:
    """What the f-strings of the product make: any text in the places of the values."""
    composed = (
        text.split("{}") for text in all_literals() if "{}" in text and text.replace("{}", "").strip()
    )
    return [re.compile("(.+?)".join(map(re.escape, parts))) for parts in composed]


def is_composed(key: str) -> bool:
    """Whether an f-string of the product makes this key of other literals, as f"ask_{name}" does."""
    found = (pattern.fullmatch(key) for pattern in patterns())
    return any(match and all_literals().issuperset(match.groups()) for match in found)


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_there_are_texts_and_catalogues() -> None:
    assert sum(1 for _ in bilingual_texts()) > 400
    assert sum(1 for _ in catalogues()) > 8


def is_whole(zh: str, en: str) -> bool:
    """Whether both languages are there, or neither; a text of values alone has no Chinese, nor English."""
    own = zh == en or not LATIN.search(re.sub(r"{.*?}", "", en))
    return bool(zh.strip()) == bool(en.strip()) and not CJK.search(en) and (own or bool(CJK.search(zh)))


def test_every_text_is_there_in_both_languages() -> None:
    assert [(at, zh, en) for at, zh, en in bilingual_texts() if not is_whole(zh, en)] == []


def test_both_languages_name_the_same_values() -> None:
    templates = [one for one in bilingual_texts() if "{}" not in "".join(one)]  # an f-string is none
    assert [at for at, zh, en in templates if places(zh) != places(en)] == []


def test_no_bilingual_text_stands_outside_of_words() -> None:
    assert list(strays()) == []


@pytest.mark.parametrize(
    ("path", "name", "table"), [pytest.param(*one, id=":".join(one[:2])) for one in catalogues()]
)
def test_every_key_of_a_catalogue_is_used(path: str, name: str, table: ast.Dict) -> None:
    unused = {key for key in keys_of(table) - all_literals() if not is_composed(key)}
    assert unused == set(), f"{path}: {name}"


def asked_keys() -> Iterator[tuple[str, str, str, str]]:
    """The place of every literal key that is looked up, the key, and the catalogue where it must be."""
    known = {(path, name) for path, name, _ in catalogues()}
    for path, tree in trees().items():
        home = {name: (at, name) for at, name in known if at == path} | {
            alias.asname or alias.name: (f"{node.module.replace('.', '/')}.py", alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
            if (f"{node.module.replace('.', '/')}.py", alias.name) in known
        }
        for node in ast.walk(tree):
            where, key = None, None
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                where, key = home.get(node.value.id), node.slice
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                where, key = ACCESSORS.get(node.func.id), node.args[0]
            for part in (key.body, key.orelse) if isinstance(key, ast.IfExp) else (key,):
                if where and isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield f"{path}:{node.lineno}", part.value, *where


def test_every_key_that_is_looked_up_is_there() -> None:
    known = {(path, name): keys_of(table) for path, name, table in catalogues()}
    asked = list(asked_keys())
    assert len(asked) > 50
    assert [(at, key) for at, key, path, name in asked if key not in known[path, name]] == []
