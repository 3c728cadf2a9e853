"""The product's own verbs, called as a reader may repeat them: each in a process of its own, as typed."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from provisioning.words.language import language

TIMEOUT_S: Final = 120
"""Two hours of nine meters take about 3 s to make into a pack, and 3 s to check, on a quiet core."""
KEY_DIGITS: Final = 64
"""Of a public key; the first are enough in what is shown."""


def run_verb(
    folder: Path,
    command: Sequence[str],
    say: Callable[[str], object],
    rows: int | None = None,
    *,
    typed: str = "",
    unshown: Collection[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `dianjian` with `command` in `folder`, and show it with the first `rows` lines that it prints.

    `typed` is its standard input; words of the command that are `unshown` a reader would leave out.
    """
    shown = [_quote(part) for part in command if part not in unshown]
    say(f"$ dianjian {' '.join(shown)}")
    called = [sys.executable, "-P", "-m", "provisioning.cli", "--lang", language(), *command]
    ended = subprocess.run(  # noqa: S603 our own module, no shell
        called, cwd=folder, input=typed, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    for line in ended.stdout.splitlines()[:rows]:
        say(f"  {line}")
    return ended


def _quote(part: str) -> str:
    """A word as a shell has to be given it; of a key its first digits."""
    if len(part) == KEY_DIGITS:
        return f"{part[:8]}…"
    return shlex.quote(part) if " " in part else part


def last_line(text: str) -> str:
    """What a verb said last."""
    return (text.strip().splitlines() or [""])[-1]
