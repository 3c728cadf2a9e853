"""The end of the demo: the violation as evidence, and what becomes of it when one byte is changed.

The product's own commands do it, each in a process of its own, as a reader may repeat it.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from evidence.keys import load_key_file, public
from evidence.words import Words
from provisioning.demo.judge import OFF_LINKAGE
from provisioning.demo.stage import CENTRE_NAME, Stage
from provisioning.demo.words import WORDS
from provisioning.words.language import language, translate

TIMEOUT_S: Final = 120
"""Two hours of nine meters take about 3 s to make and 3 s to check on a quiet core."""
PACK: Final = "evidence.zip"
PAGE: Final = "evidence.html"
CHANGED: Final = "changed.zip"
FLIPPED_BIT: Final = 0x01
KEY_DIGITS: Final = 64
"""Of a public key; the first are enough in what is shown."""


def show_evidence(stage: Stage, episode: Mapping[str, Any], say: Callable[[str], object]) -> Words | None:
    """Make the pack and the page of an episode, change a byte, and show both verdicts.

    Returns:
        What is wrong, None if the pack is good and the changed one refused.
    """
    folder = stage.folder
    key = public(load_key_file(folder / "centre.key")).hex()
    name = f"{OFF_LINKAGE}-{episode['rule']}-{episode['begin_at']}"
    made = ["--store", CENTRE_NAME, "--key", "centre.key", "--gateway", stage.site.site.gateway]
    say("")
    say(translate(WORDS["evidence"]))
    evidence = ["evidence", *made, "--episode", name, "--out", PACK]
    verify = ["verify", "--centre-key", key, "--html", PAGE, PACK]
    for command, rows in ((evidence, 1), (verify, None)):
        ended = _run(folder, command, say, rows)
        if ended.returncode:
            return WORDS["no evidence"].fill(why=_last_line(ended.stderr))
    say(translate(WORDS["page"], url=(folder / PAGE).as_uri()))
    raw = bytearray((folder / PACK).read_bytes())
    offset = len(raw) // 2
    old, raw[offset] = raw[offset], raw[offset] ^ FLIPPED_BIT
    (folder / CHANGED).write_bytes(raw)
    say("")
    say(translate(WORDS["change"], offset=offset, old=old, new=raw[offset]))
    ended = _run(folder, ["verify", "--centre-key", key, CHANGED], say)
    if not ended.returncode:
        return WORDS["accepted"]
    say(_last_line(ended.stderr))
    return None


def _run(
    folder: Path, command: list[str], say: Callable[[str], object], rows: int | None = None
) -> subprocess.CompletedProcess[str]:
    shown = [f"{part[:8]}…" if len(part) == KEY_DIGITS else part for part in command]
    say(f"$ dianjian {' '.join(shown)}")
    called = [sys.executable, "-P", "-m", "provisioning.cli", "--lang", language(), *command]
    ended = subprocess.run(  # noqa: S603 our own module, no shell
        called, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    for line in ended.stdout.splitlines()[:rows]:
        say(f"  {line}")
    return ended


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
