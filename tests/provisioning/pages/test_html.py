"""Text becomes markup by being escaped, and in no other way."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disk.plain_text import escape_controls
from evidence.words import Words
from provisioning.pages import page, paper
from provisioning.pages.episode import draw_episode_card
from provisioning.pages.html import Html, escape, join, markup, read_asset

HERE = Path(__file__).parents[3]
PACKAGES = ("agent", "centre", "disk", "drivers", "evidence", "firmware_sim", "provisioning", "wire")
SOURCES = sorted(file for package in PACKAGES for file in (HERE / package).rglob("*.py"))
DOOR = HERE / "provisioning/pages/html.py"
TEXTS = st.text(st.sampled_from("<>&\"'{}/=! abé电\\\n\t-"), max_size=30) | st.text(
    st.characters(exclude_characters="_"),  # which names of rules show as a space
    max_size=20,
)
SNIPPET = """
from provisioning.pages.html import Html, escape, join, markup
from provisioning.pages.page import page
from evidence.words import Words

def good(name: str) -> Html:
    return markup("<p>{}</p>", name)

def an_f_string(name: str) -> Html:
    return f"<p>{name}</p>"

def a_sum(name: str) -> Html:
    return Html("<p>") + name

def a_text(name: str) -> Html:
    return escape(name).upper()

def many(names: list[str]) -> Html:
    return join(names)

def a_page(name: str) -> Html:
    return page(Words("x", "x"), [good(name), f"<p>{name}</p>"])
"""


def test_to_forget_an_escape_is_a_type_error(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET, "utf-8")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path)]
    done = subprocess.run([*mypy, str(snippet)], cwd=HERE, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    wrong = {number for number, line in enumerate(SNIPPET.splitlines(), 1) if line.startswith("    return")}
    assert {int(line.split(":")[1]) for line in errors} == wrong - {min(wrong)}, done.stdout
    assert all("Html" in line for line in errors)


def parts(file: Path, named: str) -> Iterator[ast.AST]:
    """All parts of a source in whose text one of the names stands; of another none."""
    text = file.read_text("utf-8")
    yield from ast.walk(ast.parse(text)) if re.search(named, text) else ()


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in parts(file, "Html|markup"):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node


def test_what_is_not_escaped_is_a_literal_of_the_source() -> None:
    found = 0
    for file in SOURCES:
        for name, call in calls(file) if file != DOOR else ():
            if name in {"Html", "markup"}:
                found += 1
                first = call.args[0]
                assert isinstance(first, ast.Constant), f"{file}:{call.lineno}"
                assert isinstance(first.value, str), f"{file}:{call.lineno}"
    assert found > 100


def test_html_of_the_standard_library_has_one_door() -> None:
    for file in SOURCES:
        for node in parts(file, r"\bhtml\b"):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert "html" not in names or file == DOOR, file


def test_markup_stays_and_everything_else_is_escaped() -> None:
    assert markup("<p>{}{}</p>", Html("<br>"), "<br>") == "<p><br>&lt;br&gt;</p>"
    assert markup('<a title="{title}">', title="\"'") == '<a title="&quot;&#x27;">'
    assert escape(escape("&")) == "&amp;"
    assert escape(3) == "3"
    assert join((Html("<p>"), escape("<")), " < ") == "<p> &lt; &lt;"
    assert not isinstance(f"{Html('x')}", Html)


class Shape(HTMLParser):
    """Tags with their attributes' names, and the texts between them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(" ".join([tag, *(name for name, _ in attrs)]))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    unknown_decl = handle_pi = handle_comment


def an_episode(text: str) -> dict[str, object]:
    texts = dict.fromkeys(("id", "linkage", "rule", "severity"), text)
    moments = {"begin_at_s": 0, "raised_at_s": 60, "end_at_s": None}
    return {
        **texts,
        **moments,
        "lines": [text],
        "numbers": {text: text},
        "sentence": {"zh": text, "en": text},
    }


BUILDERS: dict[str, Callable[[str], Html]] = {
    "page": lambda text: page.page(Words(text, text), [page.paragraphs(Words(text, text))]),
    "numbers": lambda text: page.number_table([(Words(text, text + "x"), Words(text + "x", text))]),
    "paper": lambda text: paper.paper(
        Words(f"x{text}", text), [paper.isolated(f"x{text}"), paper.code(f"x{text}")]
    ),
    "grid": lambda text: paper.grid([Words(text, text)], [[paper.sentences(Words.same(f"x{text}"))]], [0]),
    "facts": lambda text: paper.facts([(Words(text, text), paper.badge(text, Words(text, text)))]),
    "episode": lambda text: draw_episode_card(an_episode(text), 0),
}


@pytest.mark.parametrize("name", BUILDERS)
@given(text=TEXTS)
def test_no_text_from_outside_reaches_a_page_as_markup(name: str, text: str) -> None:
    assert Shape(BUILDERS[name](text)).tags == Shape(BUILDERS[name]("x")).tags


@given(text=TEXTS)
def test_a_text_is_read_as_it_was_given_but_for_what_would_be_obeyed(text: str) -> None:
    assert "".join(Shape(markup("<p>{}</p>", text)).texts) == escape_controls(text)


def test_an_inlined_file_cannot_end_its_element() -> None:
    files = {file for file in HERE.rglob("provisioning/**/*") if file.suffix in {".css", ".js"}}
    assert {file.name for file in files} == {
        *("city.css", "city.js", "form.css", "page.css", "page.js", "paper.css", "plot.css"),
    }
    for file in files:
        assert "</" not in file.read_text("utf-8")
        package = ".".join(file.parent.relative_to(HERE).parts)
        assert read_asset(package, file.name) == "\n" + file.read_text("utf-8")
