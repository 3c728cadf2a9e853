"""What the agent says has its priority where the journal of systemd listens, and only there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.host.log import prefix_lines

SAYS = """
import logging, sys
from agent.host.log import log_to
log_to(sys.stderr)
log = logging.getLogger("dianjian.test")
log.info("good"); log.warning("so so"); log.error("bad"); log.debug("unheard")
try:
    raise ValueError("电\\nsecond line")
except ValueError:
    log.exception("died")
"""


def said(command: list[str], *, journal: bool) -> list[str]:
    """What a process writes to its stderr, which is a pipe that JOURNAL_STREAM may name."""
    reader, writer = os.pipe()
    status = os.fstat(writer)
    named = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"} if journal else {"JOURNAL_STREAM": "1:1"}
    environment = {**os.environ, **named, "PYTHONSAFEPATH": "1"}
    subprocess.run([sys.executable, *command], stderr=writer, env=environment, timeout=60, check=False)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as stream:
        return stream.read().splitlines()


def test_in_the_journal_every_line_has_its_priority() -> None:
    lines = said(["-c", SAYS], journal=True)
    assert lines[:4] == [
        "<6>dianjian.test: good",
        "<4>dianjian.test: so so",
        "<3>dianjian.test: bad",
        "<3>dianjian.test: died",
    ]
    assert len(lines) > 6
    assert all(line.startswith("<3>") for line in lines[3:]), "each line of a traceback is an entry"
    assert lines[-1] == "<3>second line"


def test_elsewhere_the_level_stands_in_words() -> None:
    lines = said(["-c", SAYS], journal=False)
    assert lines[:3] == [
        "INFO dianjian.test: good",
        "WARNING dianjian.test: so so",
        "ERROR dianjian.test: bad",
    ]


@pytest.mark.parametrize(("journal", "begin"), [(True, "<3>dianjian-agent: "), (False, "dianjian-agent: ")])
def test_why_the_agent_ended_is_an_error_in_the_journal(tmp_path: Path, journal: bool, begin: str) -> None:
    missing = tmp_path / "site.toml"
    lines = said(["-m", "agent.main", "run", "--config", str(missing)], journal=journal)
    assert lines == [f"{begin}{missing}: cannot be read: No such file or directory"]


@pytest.mark.parametrize(("text", "wanted"), [("", "<6>"), ("a", "<6>a"), ("a\nb", "<6>a\n<6>b")])
def test_a_prefix_on_each_line(text: str, wanted: str) -> None:
    assert prefix_lines(text, 6) == wanted
