"""Every text of the product in both languages: what is a bilingual text at all, and that each is whole.

The sources are read, so no list of catalogues is kept. A bilingual text is a call of `Words`; a catalogue is
a mapping whose values hold such calls. A string in Chinese beside one in English anywhere else is a finding.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from string import Formatter
from typing import Any

from tests.provisioning.words.spoken import trees

CJK = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z]")
LABELS = ("provisioning/words/labels.py", "LABELS")
SETUP = ("provisioning/setup/words.py", "WORDS")
SETUP_HJ212 = ("provisioning/setup/hj212_words.py", "HJ212_WORDS")
PAGE = ("provisioning/live/page/words.py", "WORDS")
LOOKUPS: Mapping[tuple[str, str], tuple[int, Sequence[tuple[str, str]]]] = {
    ("provisioning/", "label"): (0, [LABELS]),
    ("provisioning/setup/", "text"): (0, [SETUP, SETUP_HJ212]),
    ("provisioning/setup/", "WrongAnswerError"): (0, [SETUP, SETUP_HJ212]),
    ("provisioning/setup/", "talk.say"): (0, [SETUP, SETUP_HJ212]),
    ("provisioning/setup/", "talk.read_secret"): (0, [SETUP, SETUP_HJ212]),
    **{
        ("provisioning/setup/", f"talk.{name}"): (1, [SETUP, SETUP_HJ212])
        for name in ("ask", "ask_choice", "ask_number", "ask_text", "ask_yes", "refuse")
    },
    ("provisioning/live/page/", "reader.text"): (0, [PAGE, LABELS]),
    ("provisioning/live/page/", "reader.words"): (0, [PAGE, LABELS]),
}
"""Where a call looks a key up: the number of the argument, and the catalogues that may have the key."""


@cache
def nodes() -> Mapping[str, Sequence[ast.AST]]:
    """All parts of every source, by its path: many tests look at all of them."""
    return {path: list(ast.walk(tree)) for path, tree in trees().items()}


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


@cache
def bilingual_texts() -> Sequence[tuple[str, str, str]]:
    """The place, the Chinese and the English of each call of `Words` with literals."""
    found = []
    for path, parts in nodes().items():
        for node in filter(is_words, parts):
            assert isinstance(node, ast.Call)
            zh, en = map(text_of, node.args)
            if zh is not None and en is not None:
                found.append((f"{path}:{node.lineno}", zh, en))
    return found


@cache
def catalogues() -> Sequence[tuple[str, str, ast.Dict]]:
    """The path, the name and the literal of every mapping at the top of a module that holds `Words`."""
    return [
        (path, node.target.id, node.value)
        for path, tree in trees().items()
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.value, ast.Dict)
        and isinstance(node.target, ast.Name)
        and any(map(is_words, ast.walk(node.value)))
    ]


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
    for path, parts in nodes().items():
        for node in parts:
            texts = [text_of(part) for part in beside(node)]
            for one, other in pairwise(texts):
                if one is not None and other is not None and (is_pair(one, other) or is_pair(other, one)):
                    yield f"{path}:{getattr(node, 'lineno', 0)}: {one!r} beside {other!r}"


def literals(path: str) -> set[str]:
    """All texts of a module but those in the keys of a catalogue and in `Words`."""
    parts = nodes()[path]
    tables = [table for at, _, table in catalogues() if at == path]
    left_out = {id(key) for table in tables for key in table.keys}
    left_out |= {id(part) for node in filter(is_words, parts) for part in ast.walk(node)}
    return {text for node in parts if id(node) not in left_out and (text := text_of(node))}


@cache
def all_literals() -> frozenset[str]:
    return frozenset().union(*map(literals, nodes()))


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
    assert len(bilingual_texts()) > 400
    assert len(catalogues()) > 15


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


def test_every_key_of_a_catalogue_is_used() -> None:
    unused = [
        (path, name, key)
        for path, name, table in catalogues()
        for key in sorted(keys_of(table) - all_literals())
        if not is_composed(key)
    ]
    assert unused == []


def imported_catalogues(path: str) -> Mapping[str, tuple[str, str]]:
    """The catalogues that a module has, by the name that it gives them."""
    known = {(at, name) for at, name, _ in catalogues()}
    found = {name: (at, name) for at, name in known if at == path}
    for node in nodes()[path]:
        if isinstance(node, ast.ImportFrom) and node.module:
            home = node.module.replace(".", "/") + ".py"
            found |= {
                one.asname or one.name: (home, one.name) for one in node.names if (home, one.name) in known
            }
    return found


def lookup(
    path: str, node: ast.AST, home: Mapping[str, tuple[str, str]]
) -> tuple[ast.AST, Sequence[Any]] | None:
    """The key that this looks up and the catalogues that may have it, if it looks one up."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in home:
        return node.slice, [home[node.value.id]]
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        for (folder, called), (at, where) in LOOKUPS.items():
            is_called = name == called or ("." in called and name.endswith(f".{called}"))
            if is_called and path.startswith(folder) and len(node.args) > at:
                return node.args[at], where
    return None


def looked_up() -> Iterator[tuple[str, str, Sequence[tuple[str, str]]]]:
    """The place of every literal key that is looked up, the key, and the catalogues that may have it."""
    for path, parts in nodes().items():
        home = imported_catalogues(path)
        for node in parts:
            if (found := lookup(path, node, home)) is not None:
                key, where = found
                for part in (key.body, key.orelse) if isinstance(key, ast.IfExp) else (key,):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield f"{path}:{part.lineno}", part.value, where


def test_every_key_that_is_looked_up_is_there() -> None:
    known = {(path, name): keys_of(table) for path, name, table in catalogues()}
    asked = list(looked_up())
    assert len(asked) > 200
    assert [(at, key) for at, key, where in asked if not any(key in known[one] for one in where)] == []
