"""What people type: full-width and Chinese punctuation are taken in every question and every option."""

import ast
import io
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.cli import VERBS, cli
from provisioning.setup import confirm, find, linkages, photos, talk, wiring
from provisioning.setup.lines import read_kw
from provisioning.setup.talk import Talk, WrongAnswerError
from provisioning.terminal.typed import FREE_OPTIONS, plain, read_number, read_ratio, split_list

ROOT: Final = Path(__file__).parents[3]


def widen(text: str) -> str:
    """As a Chinese input method types it."""
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else "\u3000" for one in text)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_full_width_becomes_what_it_stands_for(text: str) -> None:
    assert plain(widen(text)) == plain(text) == text.strip()


@given(st.text())
def test_what_is_plain_once_is_plain(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@pytest.mark.parametrize("sign", [",", "，", "、", ";", "；", " ", "\u3000", ", ", "， ", "\t"])
def test_a_list_is_split_at_whatever_people_type(sign: str) -> None:
    assert split_list(f"m1{sign}ｍ２{sign}b1：3") == ["m1", "m2", "b1:3"]


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("１２０", 120), ("120.5", 120.5), ("１２０．５", 120.5), ("120,5", 120.5), ("１２０，５", 120.5),
        ("1e3", 1000), ("120。5", 120.5), ("-3", -3), (" 7 ", 7), ("0,125", 0.125), ("1234,567", 1234.567),
    ],
)  # fmt: skip
def test_numbers_are_read(typed: str, number: float) -> None:
    assert read_number(typed) == number


@pytest.mark.parametrize(
    "typed", [*("", "x", "1,200", "１，２００", "12,345,678"), *("1 2", "nan", "inf", "1_0", "5 kW", "0x10")]
)
def test_what_is_no_number_or_has_two_readings_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_number(typed)


@pytest.mark.parametrize(
    ("typed", "kw"),
    [
        ("60", 60),
        ("60kW", 60),
        ("６０ＫＷ", 60),
        ("60 千瓦", 60),
        ("60000 W", 60),
        ("60000瓦", 60),
        ("0.06兆瓦", 60),
    ],
)
def test_a_power_may_have_its_unit(typed: str, kw: float) -> None:
    assert read_kw(typed) == pytest.approx(kw)


@pytest.mark.parametrize(
    "typed",
    [
        "20",
        "100/5",
        "１００／５",
        "100：5",
        "100:5",
        "100∶5",
        "100 A / 5 A",
        "100A/5A",
        "100安/5安",
        "２０",
        "100/5A",
        "100A/5",
    ],
)
def test_a_ratio_is_what_stands_on_the_transformer(typed: str) -> None:
    assert read_ratio(typed) == 20


@pytest.mark.parametrize(
    "typed",
    [
        "10/0.1 kV", "10kV/100V", "１０／０．１ｋＶ", "10000:100", "10千伏/100伏", "10 KV / 0.1 KV",
        "10000V/100", "10/√3/0.1/√3kV", "10000/√3 : 100/√3 V",
    ],
)  # fmt: skip
def test_the_ratio_of_a_voltage_transformer_is_what_stands_on_it_too(typed: str) -> None:
    assert read_ratio(typed) == pytest.approx(100)


@pytest.mark.parametrize(
    "typed",
    ["100/0", "100/", "/5", "a/b", "1/2/3", "1,000/5", "100A/5V", "10kV/100", "10/√3/0.1", "kV/5", "100W/5W"],
)
def test_no_ratio_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_ratio(typed)


# -- every question of the setup


def questions() -> Iterator[tuple[str, ast.Call]]:
    """Every call that asks, by its place."""
    for path in sorted((ROOT / "provisioning" / "setup").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                if node.func.attr.startswith("ask") and owner.endswith("talk"):
                    yield f"{path.stem}.{node.func.attr}", node


def test_only_names_paths_and_reasons_are_taken_as_they_are_typed() -> None:
    free = {
        ast.unparse(call.args[1]).strip("'")
        for place, call in questions()
        if place.endswith("ask_text") or any(one.arg == "free" for one in call.keywords)
    }
    assert free == {
        *("f'ask_{key}", "ask_technician", "ask_line", "ask_line_name", "ask_equipment"),  # names
        *("ask_photo", "ask_photo_what", "ask_recovery", "ask_reason"),
    }
    assert sum(1 for _ in questions()) > 25


def test_nobody_reads_a_typed_list_or_number_but_the_one_door() -> None:
    """A split at a comma, or a float of what was typed, would take one form of it alone."""
    for path in sorted((ROOT / "provisioning" / "setup").glob("*.py")):
        text = path.read_text("utf-8")
        assert "float(typed" not in text, path
        assert 'replace(","' not in text, path


def session() -> Any:
    meters = [SimpleNamespace(id=f"m{at}", bus="b1", unit_id=at, address=None, meter=1) for at in (1, 2)]
    journal = SimpleNamespace(meters=meters, buses=[], thresholds=[SimpleNamespace(line="p1")])
    return SimpleNamespace(journal=journal, folder=Path("/nowhere"))


CHOICES: Final = [("production", "生产"), ("treatment", "治理")]


def number(talk: Talk) -> object:
    return talk.ask_number("x", "ask_rated", 1, 1000, line="p1")


def yes(talk: Talk) -> object:
    return talk.ask_yes("x", "ask_page", default=None)


def choice(talk: Talk) -> object:
    return talk.ask_choice("x", "ask_kind", CHOICES, name="p")


def clamp(talk: Talk) -> object:
    return talk.ask("x", "ask_clamp", wiring._check_clamp, meter="m1", shown="")


def buses(talk: Talk) -> object:
    return talk.ask("x", "ask_buses", find._check_urls)


def lines(talk: Talk) -> object:
    return talk.ask("x", "ask_linkage", linkages._check_production(["p1", "p2"]), line="t1")


def seals(talk: Talk) -> object:
    return talk.ask("x", "ask_seals", photos._check_numbers, meter="m1", place="b1:1")


def meter(talk: Talk) -> object:
    found = talk.ask("x", "ask_meters_right", lambda typed: confirm._check_meter(session(), typed))
    return found and found.id


def identifier(talk: Talk) -> object:
    return talk.ask("x", "ask_gateway", confirm.check_identifier)


ASKED: Final[list[tuple[str, str, Callable[[Talk], object], object]]] = [
    ("number", "120.5", number, 120.5),
    ("yes", "Y", yes, True),
    ("no", "no", yes, False),
    ("choice by number", "2", choice, "treatment"),
    ("choice by name", "Treatment", choice, "treatment"),
    ("id", "m-1_x", identifier, "m-1_x"),
    (
        "buses",
        "/dev/ttyS1,tcp://10.0.0.7:502;tcp://h",
        buses,
        ["/dev/ttyS1", "tcp://10.0.0.7:502", "tcp://h"],
    ),
    ("lines", "p1,p2 p1", lines, ("p1", "p2")),
    ("seals", "A1;A2", seals, ("A1", "A2")),
    ("amperes", "41.5/40", clamp, {"l1": 41.5, "l2": 40}),
    ("none", "-", clamp, {}),
    ("meter", "b1:2", meter, "m2"),
    ("all right", "OK", meter, None),
]


@pytest.mark.parametrize("form", [str, widen])
@pytest.mark.parametrize(
    ("typed", "ask", "wanted"), [one[1:] for one in ASKED], ids=[one[0] for one in ASKED]
)
def test_every_kind_of_question_takes_either_width(
    typed: str,
    ask: Callable[[Talk], object],
    wanted: object,
    form: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{form(typed)}\n".encode())))
    assert ask(Talk()) == wanted


@pytest.mark.parametrize("typed", ["是", "是的", "对", "好", "ｙ", "ＹＥＳ"])
def test_yes_is_said_in_either_language(typed: str) -> None:
    assert talk._check_yes(plain(typed)) is True


def test_what_cannot_be_understood_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("1,200\n１２００\n120\n".encode())))
    assert number(Talk()) == 120
    with pytest.raises(WrongAnswerError):
        talk.make_number_check(1, 5000)("1,200")


# -- every option of the command line


def options(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Parameter]]:
    for param in command.params:
        yield path, param
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            one = command.get_command(context, name)
            assert one is not None
            yield from options(one, (*path, name))


def sample_of(kind: click.ParamType) -> str | None:  # type: ignore[type-arg]
    """A value that the type takes, None for one that may be anything."""
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    if isinstance(kind, click.IntRange | click.FloatRange):
        low = kind.min if kind.min is not None else 1
        return str(math.floor(low) + 1)
    if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        return "12"
    if kind.name == "time":
        return "2026-11-22T06:00+08:00"
    return "p1=kW" if isinstance(kind, click.types.StringParamType) else None


def test_every_number_choice_and_id_of_the_command_line_takes_either_width() -> None:
    seen = 0
    for path, param in options(cli):
        sample = sample_of(param.type)
        if sample is None or FREE_OPTIONS & set(param.opts) or not path:
            continue
        seen += 1
        context = click.Context(click.Command("x"))
        assert param.type.convert(widen(sample), param, context) == param.type.convert(
            sample, param, context
        ), (path, param)
    assert seen > 60
    assert set(VERBS) >= {"read", "scan"}


def test_names_and_paths_of_the_command_line_stay_as_they_are() -> None:
    kept = [
        param
        for _, param in options(cli)
        if FREE_OPTIONS & set(param.opts) or isinstance(param.type, click.Path)
    ]
    assert len(kept) > 40
    for param in kept:
        kind = param.type if not isinstance(param.type, click.Path) else click.Path()
        assert (
            str(kind.convert("电镀（一）厂，东", param, click.Context(click.Command("x"))))
            == "电镀（一）厂，东"
        )
