"""The end of the demo: the violation as evidence, and what becomes of it when one byte is changed.

The product's own commands do it, each in a process of its own, as a reader may repeat it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from evidence.keys import load_key_file, public
from evidence.words import Words
from provisioning.demo.calling import last_line, run_verb
from provisioning.demo.judge import OFF_LINKAGE
from provisioning.demo.stage import CENTRE_NAME, Stage
from provisioning.demo.words import WORDS
from provisioning.words.language import translate

PACK: Final = "evidence.zip"
PAGE: Final = "evidence.html"
CHANGED: Final = "changed.zip"
FLIPPED_BIT: Final = 0x01


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
        ended = run_verb(folder, command, say, rows)
        if ended.returncode:
            return WORDS["no evidence"].fill(why=last_line(ended.stderr))
    say(translate(WORDS["page"], url=(folder / PAGE).as_uri()))
    raw = bytearray((folder / PACK).read_bytes())
    offset = len(raw) // 2
    old, raw[offset] = raw[offset], raw[offset] ^ FLIPPED_BIT
    (folder / CHANGED).write_bytes(raw)
    say("")
    say(translate(WORDS["change"], offset=offset, old=old, new=raw[offset]))
    ended = run_verb(folder, ["verify", "--centre-key", key, CHANGED], say)
    if not ended.returncode:
        return WORDS["accepted"]
    say(last_line(ended.stderr))
    return None
