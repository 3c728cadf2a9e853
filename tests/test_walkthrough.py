"""The commands of README and docs, run in the order of each page as a reader would, in an empty folder.

A block of kind `sh` is run; one of kind `toml NAME` or `csv NAME` is the file NAME, which later blocks use.
The README in Chinese runs the commands of the other one. `shell`,
`psql`, `python NAME` and `sql NAME` are those of docs/consumers.md, which run beside a centre's store
(`tests/provisioning/centre/test_consumers_page.py`). `sh machine` is run on a machine of its own
(`tests/packaging/test_several_machines.py`). All other blocks need a plant, a broker or a machine of
their own: there every option that they show must be one that the verb has.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest

from firmware_sim.main import main as simulator
from provisioning.cli import cli

HERE: Final = Path(__file__).parent.parent
PAGES: Final = [HERE / "README.md", HERE / "README.zh.md", *sorted((HERE / "docs").glob("*.md"))]
BLOCK: Final = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUNS_S: Final = 120
"""A page takes a few seconds; a busy machine several times that."""
PROGRAMS: Final = {"dianjian": cli, "dianjian-sim": simulator}
SAME: Final = "README.zh.md"
LONG: Final = {"officer.zh.md"}
"""A dozen commands, each of which has tests of its own: run with the fault matrix."""
RUN: Final = [
    page
    for page in PAGES
    if page.name != SAME and re.search(r"^```sh$", page.read_text("utf-8"), re.MULTILINE)
]


def blocks_of(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text("utf-8"))


@pytest.mark.e2e
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.minutes] * (page.name in LONG), id=page.name) for page in RUN],
)
def test_the_commands_of_a_page_run_in_its_order(page: Path, tmp_path: Path) -> None:
    script = ["set -euo pipefail"]
    for kind, text in blocks_of(page):
        if kind == "sh":
            script.append(text)
        elif match := re.fullmatch(r"(?:toml|csv) (\S+)", kind):
            (tmp_path / match[1]).write_text(text, "utf-8")
    (tmp_path / "provisioning").symlink_to(HERE / "provisioning")  # the README is read in a clone
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"  # mosquitto's place
    with subprocess.Popen(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            code = shell.wait(RUNS_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
        assert shell.stdout is not None
        assert code == 0, shell.stdout.read()


def test_the_readme_runs_the_same_commands_in_both_languages() -> None:
    english, chinese = (
        [text for kind, text in blocks_of(HERE / name) if kind == "sh"] for name in ("README.md", SAME)
    )
    assert chinese == english


def commands_of(page: Path) -> list[list[str]]:
    """The calls of our programs in a page's blocks, each without what is said of it behind two blanks."""
    shown = [line for _, text in blocks_of(page) for line in text.replace("\\\n", " ").splitlines()]
    calls = [re.split(r"\s{2,}|\s[|>&]|\s# ", line.removeprefix("$ ").strip())[0].split() for line in shown]
    return [call for call in calls if call and call[0] in PROGRAMS]


CALLS: Final = sorted({tuple(call) for page in PAGES for call in commands_of(page)})


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_every_verb_and_option_that_a_page_shows_exists(call: tuple[str, ...]) -> None:
    command: click.Command = PROGRAMS[call[0]]
    words = list(call[1:])
    known = {"--help", "-h", "--version"}
    while True:
        known |= {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        if not isinstance(command, click.Group):
            break
        verb = next((word for word in words if not word.startswith("-") and word not in {"zh", "en"}), None)
        if verb is None:
            break
        found = command.get_command(click.Context(command), verb)
        if found is None and command.invoke_without_command:
            break
        assert found is not None, f"there is no verb {verb}"
        words.remove(verb)
        command = found
    used = {word.split("=")[0] for word in words if re.match(r"-{1,2}[a-z]", word)}
    assert used <= known


def test_pages_have_commands_that_run() -> None:
    assert {page.name for page in RUN} >= {"README.md", "history.md"}
    assert len(CALLS) > 30
