"""Manual pages, made from the --help of the commands."""

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
from agent.main import _parser
from firmware_sim.main import main as simulator
from provisioning.cli import cli as dianjian

def list_help(command, name, parent=None):
    context = click.Context(command, info_name=name, parent=parent, terminal_width=76, max_content_width=76)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            yield from list_help(command.get_command(context, verb), verb, context)

commands = {"dianjian": dianjian, "dianjian-sim": simulator}
pages = {name: list(list_help(command, name)) for name, command in commands.items()}
parser = _parser()
pages["dianjian-agent"] = [("dianjian-agent", parser.format_help())]
verbs = next(action for action in parser._actions if action.dest == "verb").choices
pages["dianjian-agent"] += [(f"dianjian-agent {name}", verb.format_help()) for name, verb in verbs.items()]
json.dump(pages, sys.stdout)
"""
WHAT: Final = {
    "dianjian": "power and emission metering that holds up as evidence",
    "dianjian-agent": "the agent on the gateway",
    "dianjian-sim": "simulated meters and plants",
}


def make_manuals(source: Source) -> dict[str, str]:
    """The page of each command."""
    environment = {**os.environ, "PYTHONPATH": str(source.folder), "LC_ALL": "C.UTF-8", "LANGUAGE": "en"}
    environment |= {"COLUMNS": "78", "NO_COLOR": "1"}
    call = [sys.executable, "-P", "-c", DUMP_HELP]
    dumped = subprocess.run(call, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    pages: dict[str, list[tuple[str, str]]] = json.loads(dumped.stdout)
    return {name: _make_page(name, parts, source) for name, parts in pages.items()}


def _make_page(name: str, parts: list[tuple[str, str]], source: Source) -> str:
    day = datetime.fromtimestamp(source.epoch, UTC).date().isoformat()
    lines = [f'.TH {name.upper()} 1 {day} "dianjian-edge {source.version}" "User Commands"']
    lines += [".SH NAME", f"{_to_roff(name)} \\- {WHAT[name]}"]
    for title, text in parts:
        lines += [f'.SH "{_to_roff(title)}"', ".nf", *map(_to_roff, text.splitlines()), ".fi"]
    return "\n".join(lines) + "\n"


def _to_roff(line: str) -> str:
    escaped = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\\&" + escaped if escaped.startswith(".") else escaped
