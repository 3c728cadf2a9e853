"""What is printed while a view is redrawn stays on the screen, in a real terminal of any usual size."""

import os
import pty
import struct
import subprocess
import sys
import termios
from fcntl import ioctl

import pytest

from tests.provisioning.terminal.screen import TerminalScreen

SIZES = [(80, 24), (60, 20), (120, 40)]
PROGRAM = """
from provisioning.setup.talk import Talk
from provisioning.terminal.exits import fail
from provisioning.terminal.say import say as say_line
from provisioning.terminal.show import Activity, Screen, console, progress, table

WAYS = [
    lambda text: console().print(text),
    lambda text: console(stderr=True).print(text),
    lambda text: Talk().show(text, style="bold"),
    lambda text: say_line(text),
    lambda text: say_line(text, err=True),
    lambda text: fail(1, text),
]

def rows(turn):
    return [(f"m{one}", "a long name of a line " * 3, f"{turn}.{one}") for one in range(3)]

def turns(name):
    for turn in range(3 * len(WAYS)):
        yield turn, lambda: WAYS[turn % len(WAYS)](f"PROMPT {name} {turn}")

with Screen() as view:
    for turn, tell in turns("screen"):
        tell()
        view.draw(table(("", "", "kW"), rows(turn), gives_way=1))
        view.draw(table(("", "", "kW"), rows(turn), gives_way=1))
with progress() as bar:
    task = bar.add_task("search", total=24)
    for turn, tell in turns("progress"):
        bar.update(task, completed=turn, refresh=True)
        tell()
        bar.refresh()
with Activity() as view:
    for turn, tell in turns("activity"):
        view.show(f"step {turn}")
        tell()
print("END")
"""
PROMPTS = [f"PROMPT {view} {turn}" for view in ("screen", "progress", "activity") for turn in range(18)]


def run_in_terminal(program: str, columns: int, rows: int) -> TerminalScreen:
    """Run a program in a terminal of this size; what its screen shows at the end."""
    own, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm", "LC_ALL": "C.UTF-8"},
    ) as process:
        os.close(theirs)
        raw = b""
        while True:
            try:
                piece = os.read(own, 65_536)
            except OSError:  # the program has ended
                break
            raw += piece
        os.close(own)
        assert process.wait() == 0, raw.decode()
    screen = TerminalScreen(columns, rows)
    screen.feed(raw.decode())
    return screen


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_a_line_printed_beside_a_view_is_never_wiped_and_names_are_cut_before_numbers(
    columns: int, rows: int
) -> None:
    screen = run_in_terminal(PROGRAM, columns, rows)
    told = [line.removeprefix("dianjian: ") for line in screen.whole if "PROMPT" in line]
    assert told == PROMPTS, "\n".join(screen.whole)
    assert [line.split()[-1] for line in screen.whole if line.startswith("m")] == ["17.0", "17.1", "17.2"]
    assert screen.lines[-2] == "END"
