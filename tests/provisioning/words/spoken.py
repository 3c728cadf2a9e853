"""What the product says in English where something is wrong: collected from the sources.

A text counts if it is raised, or handed to what reports mistakes, or stands in a module that writes problems
as plain texts (`PROBLEMS_IN`). Each value in it becomes {}.
"""

import ast
import gc
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
PACKAGES: Final = ("agent", "centre", "disk", "drivers", "evidence", "firmware_sim", "provisioning", "wire")
REPORTS: Final = re.compile(
    r"(^|\.)(fail|note|_?refuse|problems\.append|found\.append|flaws\.append|__init__"
    r"|\w*Error|Kind|Shape|Opened|Finding|_strict|_table|explain_refusal|UsageError|BadParameter)$"
)
"""Calls that tell of a mistake."""
PROBLEMS_IN: Final = (
    "agent/detect/params.py",
    "agent/main.py",
    "agent/site/",
    "disk/kinds.py",
    "disk/tables.py",
    "disk/database.py",
    "evidence/attested_chain.py",
    "evidence/continuation.py",
    "evidence/pack/",
    "evidence/verify.py",
    "firmware_sim/control.py",
    "firmware_sim/plant_",
    "firmware_sim/switches.py",
    "provisioning/centre/",
    "provisioning/evidence/verdict.py",
    "provisioning/evidence/verify.py",
    "provisioning/evidence/check.py",
    "provisioning/evidence/export.py",
    "provisioning/enrolment/mqtt.py",
)
LOOKS_UP: Final = re.compile(
    r"(^|\.)(translate|label|text|words|fill|compile|option|command|group|register_option|store_option)$"
)
"""Calls whose texts are keys of a catalogue, or help."""
CATALOGUES: Final = ("/error_words.py", "/words/errors.py", "/words/verdicts.py")
SENTENCE: Final = re.compile(r"[A-Za-z]+,? +[a-z]+|missing, ")
CJK: Final = re.compile(r"[\u3400-\u9fff]")


def text_of(node: ast.AST) -> str | None:
    """The text of a literal, with {} for each value; None of all else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def said_in(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and the text of everything that a module says of mistakes."""
    yield from _walk(tree, counts=path.startswith(PROBLEMS_IN))


def _walk(node: ast.AST, *, counts: bool) -> Iterator[tuple[int, str]]:
    if _is_left_out(node):
        return
    counts = counts or isinstance(node, ast.Raise) or bool(REPORTS.search(called(node)))
    text = text_of(node)
    if text is not None and counts and SENTENCE.search(text.replace("{}", " ")) and not CJK.search(text):
        yield getattr(node, "lineno", 0), text
    for one in _parts_of(node):
        yield from _walk(one, counts=counts)


def called(node: ast.AST) -> str:
    """The name of what is called, as `problems.append`; "" of all else."""
    return _name(node.func) if isinstance(node, ast.Call) else ""


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _is_left_out(node: ast.AST) -> bool:
    """A docstring, a comparison, a bilingual text, the key of a catalogue, a line of the log, a help text."""
    name = called(node)
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    is_other = name in {"Words", "Words.same"} or name.startswith("LOG.") or bool(LOOKS_UP.search(name))
    return is_docstring or is_other or isinstance(node, ast.Compare)


def _parts_of(node: ast.AST) -> Iterable[ast.AST]:
    if isinstance(node, ast.JoinedStr):
        return [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    if isinstance(node, ast.Subscript):
        return [node.value]
    return node.values if isinstance(node, ast.Dict) else ast.iter_child_nodes(node)


@cache
def trees() -> Mapping[str, ast.Module]:
    """Every source of the product, by its path."""
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    gc.disable()  # of a million parts none goes; to look at them again and again takes longer than to parse
    try:
        return {file.relative_to(ROOT).as_posix(): ast.parse(file.read_text("utf-8")) for file in files}
    finally:
        gc.freeze()
        gc.enable()


@cache
def all_said() -> Mapping[str, list[str]]:
    """Every such text of the product, with the places that say it."""
    said: dict[str, list[str]] = {}
    for path, tree in trees().items():
        for line, text in said_in(path, tree):
            said.setdefault(text, []).append(f"{path}:{line}")
    return said


def all_texts() -> set[str]:
    """Every literal of the product but those of the catalogues of messages."""
    own = (tree for path, tree in trees().items() if not path.endswith(CATALOGUES))
    return {text for tree in own for node in ast.walk(tree) if (text := text_of(node)) is not None}
