"""What only the start needed goes back, and what stays is not visited again."""

import subprocess
import sys

SCRIPT = """
import gc, linecache
import agent.main
from agent.host.memory import let_go_of_imports, let_go_of_start
from attrs import define
kept = sum(len(line) for entry in linecache.cache.values() if len(entry) > 1 for line in entry[2])
assert kept > 100_000, kept
let_go_of_imports()
assert not linecache.cache
@define
class Later:
    number: int
assert Later(1) == Later(1)
let_go_of_start()
assert gc.get_freeze_count() > 10_000
"""


def test_sources_of_made_methods_go_and_classes_can_still_be_made() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.returncode == 0
