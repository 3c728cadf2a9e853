"""Manual pages in English and Chinese, made from the --help of the commands."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Final

from make_deb.source import Source

DUMP_HELP: Final = """
import json, sys
import click
from agent.call import make_parser
from disk.language import LANGUAGES, choose_language
from firmware_sim.main import main as simulator
from provisioning.cli import cli as dianjian

def list_help(command, name, parent=None):
    context = click.Context(command, info_name=name, parent=parent, terminal_width=76, max_content_width=76)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            yield from list_help(command.get_command(context, verb), verb, context)

def list_pages():
    commands = {"dianjian": dianjian, "dianjian-sim": simulator}
    pages = {name: list(list_help(command, name)) for name, command in commands.items()}
    parser = make_parser()
    pages["dianjian-agent"] = [("dianjian-agent", parser.format_help())]
    verbs = next(action for action in parser._actions if action.dest == "verb").choices
    pages["dianjian-agent"] += [(f"dianjian-agent {name}", one.format_help()) for name, one in verbs.items()]
    return pages

dumped = {}
for language in LANGUAGES:
    choose_language(language)
    dumped[language] = list_pages()
json.dump(dumped, sys.stdout)
"""
WHAT: Final = {
    "en": {
        "dianjian": "power and emission metering that holds up as evidence",
        "dianjian-agent": "the agent on the gateway",
        "dianjian-sim": "simulated meters and plants",
    },
    "zh": {
        "dianjian": "可作证据的用电与排放计量",
        "dianjian-agent": "网关上的代理",
        "dianjian-sim": "模拟电表与工厂",
    },
}
TITLES: Final = {"en": ("User Commands", "NAME"), "zh": ("用户命令", "名称")}
PLACES: Final = {"en": "usr/share/man/man1/{name}.1.gz", "zh": "usr/share/man/zh_CN/man1/{name}.1.gz"}
"""Where man looks, by language."""


def make_manuals(source: Source) -> dict[str, str]:
    """The page of each command in each language, by its place in the package."""
    environment = {**os.environ, "PYTHONPATH": str(source.folder), "LC_ALL": "C.UTF-8"}
    environment |= {"COLUMNS": "78", "NO_COLOR": "1"}
    call = [sys.executable, "-P", "-c", DUMP_HELP]
    dumped = subprocess.run(call, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    dumps: dict[str, dict[str, list[tuple[str, str]]]] = json.loads(dumped.stdout)
    return {
        PLACES[language].format(name=name): _make_page(language, name, parts, source)
        for language, pages in dumps.items()
        for name, parts in pages.items()
    }


def _make_page(language: str, name: str, parts: list[tuple[str, str]], source: Source) -> str:
    section, heading = TITLES[language]
    day = datetime.fromtimestamp(source.epoch, UTC).date().isoformat()
    lines = [f'.TH {name.upper()} 1 {day} "dianjian-edge {source.version}" "{section}"']
    lines += [f".SH {heading}", f"{_to_roff(name)} \\- {WHAT[language][name]}"]
    for title, text in parts:
        lines += [f'.SH "{_to_roff(title)}"', ".nf", *map(_to_roff, text.splitlines()), ".fi"]
    return "\n".join(lines) + "\n"


def _to_roff(line: str) -> str:
    escaped = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\\&" + escaped if escaped.startswith(".") else escaped
