"""Help and wrong calls in Chinese: every verb, option and value of all three programs, and what click says.

The programs are walked, so a new verb without its Chinese fails here. `disk.translation` says how texts are
found.
"""

import argparse
import ast
import importlib
import inspect
import io
import itertools
import re
from collections.abc import Iterator
from contextlib import redirect_stderr
from functools import cache, partial
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner

from agent.call import VERBS as AGENT_VERBS
from agent.call import make_parser, read_call
from disk import language, translation
from disk.help_page import HelpGroup
from disk.wide_text import count_columns
from firmware_sim.main import main as simulator
from provisioning.cli import cli
from provisioning.terminal.ending import run_to_end

PROGRAMS: Final = {"dianjian": cli, "dianjian-sim": simulator}
CJK: Final = re.compile(r"[\u3400-\u9fff]")
CODE: Final = re.compile(r"`[^`]*`")
SENTENCE: Final = re.compile(r"\b[A-Za-z]?[a-z]+ [a-z]{2,} [a-z]{2,}")
"""Three words of English one after the other."""
VALUE: Final = re.compile(r"[A-Z][A-Z0-9_]*(?: RANGE)?")
SAME: Final = frozenset({"URL", "SHA256", "SPEC"})
"""Names of values that are the same in Chinese."""
ROWS_COLUMNS_MAX: Final = 80
CATALOGUES: Final = tuple(translation._modules["help"])
NOBODY_MEETS: Final = frozenset(
    {
        "Name '{name}' defined twice",  # mistakes of a declaration
        "Value must be an iterable.",
        "{len_type} values are required, but {len_value} was given.",
        "{len_type} values are required, but {len_value} were given.",
        "Invalid start character for option ({option})",
        "DeprecationWarning: The command {name!r} is deprecated.{extra_message}",  # none is
        "DeprecationWarning: The {param_type} {name!r} is deprecated.{extra_message}",
        "Could not determine name for option with declarations {decls!r}",
        (
            "No options defined but a name was passed ({name}). Did you mean to declare an argument instead?"
            " Did you mean to pass '--{name}'?"
        ),
        "Boolean option {decl!r} cannot use the same flag for true/false.",
        "Arguments take exactly one parameter declaration, got {length}: {decls}.",
        "Do you want to continue?",  # parts of click that no verb uses: confirmations, dates, UUIDs
        "Confirm the action without prompting.",
        "%(prog)s, version %(version)s",
        "{value!r} does not match the format {format}.",
        "{value!r} does not match the formats {formats}.",
        "{value!r} is not a valid UUID.",
        "Choice({choices})",
        "file",  # kinds of paths, which our Chinese leaves out
        "directory",
        "path",
    }
)
"""What click can say and no call of ours can meet."""


@pytest.fixture(autouse=True)
def chosen() -> Iterator[None]:
    before = list(language._chosen)
    yield
    language._chosen[:] = before


def walk(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    context = click.Context(command, parent, info_name=name, help_option_names=["-h", "--help"])
    yield context
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            inner = command.get_command(context, verb)
            assert inner is not None
            yield from walk(inner, verb, context)


@cache
def contexts() -> tuple[click.Context, ...]:
    return tuple(itertools.chain(*(walk(command, name) for name, command in PROGRAMS.items())))


EACH: Final = [pytest.param(context, id=context.command_path) for context in contexts()]


def texts_of(context: click.Context) -> Iterator[str]:
    command = context.command
    yield from (command.help or "", command.short_help or "")
    yield from (param.help or "" for param in command.params if isinstance(param, click.Option))


def paragraphs_of(context: click.Context) -> set[str]:
    parts = (inspect.cleandoc(text).partition("\f")[0].split("\n\n") for text in texts_of(context) if text)
    return {" ".join(part.split()) for part in itertools.chain(*parts)}


def values_of(context: click.Context) -> set[str]:
    params = (one for one in context.command.params if not getattr(one, "is_flag", False))
    shown = [param.make_metavar(context) for param in params]
    return {name for text in shown for name in VALUE.findall(text)} - SAME


@pytest.mark.parametrize("context", EACH)
def test_every_verb_and_every_option_says_what_it_is(context: click.Context) -> None:
    silent = [
        param.name
        for param in context.command.params
        if isinstance(param, click.Option) and not param.help and not param.hidden
    ]
    assert silent == []
    assert context.command.help
    assert not isinstance(context.command, click.Group) or isinstance(context.command, HelpGroup)


@pytest.mark.parametrize("context", EACH)
def test_every_help_text_has_its_chinese(context: click.Context) -> None:
    language.choose_language("zh")
    texts = paragraphs_of(context) | values_of(context)
    assert [text for text in sorted(texts) if not CJK.search(translation.translate_text(text))] == []


def foreign(shown: str) -> list[str]:
    return [row for row in CODE.sub("", shown).splitlines() if SENTENCE.search(row)]


@pytest.mark.parametrize("context", EACH)
def test_help_in_chinese_is_whole_and_fits_a_terminal(context: click.Context) -> None:
    program, *verbs = context.command_path.split()
    shown = CliRunner().invoke(PROGRAMS[program], [*verbs, "--help", "--lang", "zh"], prog_name=program)
    assert shown.exit_code == 0
    assert shown.output.startswith(f"用法：{context.command_path} ")
    assert foreign(shown.output.replace(context.command_path, "")) == []
    assert not re.search(r"Usage|Options|Commands|Verbs|default|required|\.\.\.$", shown.output)
    assert [row for row in shown.output.splitlines() if count_columns(row) > ROWS_COLUMNS_MAX] == []


@pytest.mark.parametrize("context", EACH)
def test_help_in_english_is_english(context: click.Context) -> None:
    program, *verbs = context.command_path.split()
    shown = CliRunner().invoke(PROGRAMS[program], ["--lang", "en", *verbs, "-h"], prog_name=program)
    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: {context.command_path} ")
    assert not CJK.search(shown.output.replace("电监", ""))


def test_no_text_waits_for_a_verb_that_is_gone() -> None:
    root = Path(__file__).parents[3]
    code = "".join((root / path).read_text("utf-8") for path in ("agent/call.py", "provisioning/cli.py"))
    used = set(itertools.chain(*(paragraphs_of(one) | values_of(one) for one in contexts())))
    for name in CATALOGUES:
        texts = importlib.import_module(name).TEXTS
        assert [text for text in texts if text not in used and f'"{text}"' not in code] == [], name


def agent_pages() -> Iterator[tuple[str, str]]:
    """The help of `dianjian-agent` and of its verbs, in the language of this call."""
    parser = make_parser()
    yield "dianjian-agent", parser.format_help()
    (verbs,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    for name, one in verbs.choices.items():
        yield f"dianjian-agent {name}", one.format_help()


def test_help_of_the_agent_is_in_both_languages() -> None:
    language.choose_language("zh")
    pages = dict(agent_pages())
    assert list(pages) == ["dianjian-agent", *(f"dianjian-agent {verb}" for verb in AGENT_VERBS)]
    for page in pages.values():
        assert foreign(page.replace("dianjian-agent", "")) == []
        assert not re.search(r"usage|options|arguments|\bshow\b", page)
        assert all(count_columns(row) <= ROWS_COLUMNS_MAX for row in page.splitlines())
    language.choose_language("en")
    assert not any(CJK.search(page) for _, page in agent_pages())


def said_by_click() -> Iterator[str]:
    """Every text that click hands to gettext."""
    for module in ("core", "decorators", "exceptions", "formatting", "parser", "types"):
        tree = ast.parse(Path(importlib.import_module(f"click.{module}").__file__ or "").read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"_", "ngettext"}:
                literals = (one.value for one in node.args if isinstance(one, ast.Constant))
                yield from (one for one in literals if isinstance(one, str))


def test_every_word_of_click_has_its_chinese() -> None:
    said = set(said_by_click())
    assert len(said) > 50
    assert said - set(translation.LIBRARIES) - set(translation.HELP) - NOBODY_MEETS == set()
    assert said >= NOBODY_MEETS


@pytest.mark.parametrize(
    "call",
    ["--lang zh scan --help", "scan --lang zh --help", "scan --help --lang zh", "scan --help --lang=zh"],
)
def test_the_language_is_named_anywhere(call: str) -> None:
    shown = CliRunner(env={"LC_ALL": "C"}).invoke(cli, call.split(), prog_name="dianjian")
    assert shown.output.startswith("用法：dianjian scan")


def test_the_language_of_help_is_else_the_locale_s() -> None:
    for locale, begins in (("zh_CN.UTF-8", "用法："), ("C.UTF-8", "Usage:")):
        shown = CliRunner(env={"LC_ALL": locale}).invoke(cli, ["scan", "--help"], prog_name="dianjian")
        assert shown.output.startswith(begins)


def test_what_stands_behind_two_dashes_is_no_language() -> None:
    assert language.put_language_first(["a", "--", "--lang", "zh"]) == ["a", "--", "--lang", "zh"]
    assert language.put_language_first(["a", "--lang"]) == ["a", "--lang"]


WRONG: Final = [
    ("scan", "缺少 'URL'"),
    ("scan tcp://x --frist 3", "没有选项 --frist；是否为 --first？"),
    ("scan tcp://x --first x", "'x' 不是有效的数值。"),
    ("scan tcp://x --first 300", "300 不在范围 0<=x<=255 内。"),
    ("scan tcp://x --first", "选项 '--first' 需要一个值。"),
    ("scan tcp://x y", "多余的参数（y）"),
    ("scan tcp://x --quick=1", "选项 '--quick' 不带值。"),
    (
        "read tcp://127.0.0.1:1 --model eastron-smd630",
        "没有名为 eastron-smd630 的电表型号；是否为 eastron-sdm630？",
    ),
    ("modles", "没有命令 'modles'；是否为 models？"),
    ("centre lsit", "没有命令 'lsit'。 （是否为其中之一：'list', 'listen'？）"),
    ("verify nothing", "'文件'：'nothing' 不存在。"),
    ("verify /tmp", "'/tmp' 是文件夹。"),
    ("demo --broker x", "'x' 不在可选值之中：'auto'"),
    ("--lang fr scan", "'fr' 不在可选值之中"),
]


@pytest.mark.parametrize(("call", "says"), WRONG, ids=[call for call, _ in WRONG])
def test_a_wrong_call_is_told_in_chinese(call: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    run = partial(cli.main, call.split(), prog_name="dianjian", standalone_mode=False)
    with redirect_stderr(io.StringIO()) as said:
        assert run_to_end(run) == 2
    assert says in said.getvalue()
    assert foreign(said.getvalue()) == []


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("chek --config x", "没有 'chek'；是否为 check？"),
        ("check --confg x", "没有 '--confg'；是否为 --config？"),
        ("nonsense", "没有 'nonsense'；可选："),
        ("check", "缺少：--config"),
        ("", "缺少：命令"),
        ("check --config x y", "不认识的参数：y"),
        ("check --config", "需要一个值"),
    ],
)
def test_a_wrong_call_of_the_agent_is_told_in_chinese(
    call: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_call([*call.split(), "--lang", "zh"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert says in said
    assert foreign(said) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_says_its_version(program: str) -> None:
    shown = CliRunner().invoke(PROGRAMS[program], ["--version"], prog_name=program)
    assert re.fullmatch(rf"{program} \d+\.\d+\.\S+\n", shown.output)


@pytest.mark.parametrize(
    ("call", "code", "says"),
    [
        ("serve", 2, "错误：请给出工厂或 --model 之一"),
        ("srve", 2, "错误：没有命令 'srve'。 是否为 'serve'？"),
        (
            "serve --tcp x --model eastron-smd630",
            2,
            "没有名为 eastron-smd630 的电表型号；是否为 eastron-sdm630？",
        ),
        ("serve nosuch", 2, "nosuch：无法读取：文件或文件夹不存在"),
        ("set nosuch", 1, "nosuch：此处没有运行中的模拟工厂（文件或文件夹不存在）"),
        ("", 2, "用法：dianjian-sim [选项] 命令"),
    ],
)
def test_the_simulator_tells_a_wrong_call_in_chinese(call: str, code: int, says: str) -> None:
    shown = CliRunner().invoke(simulator, ["--lang", "zh", *call.split()], prog_name="dianjian-sim")
    assert shown.exit_code == code
    assert says in shown.stderr
    assert foreign(shown.stderr) == []
