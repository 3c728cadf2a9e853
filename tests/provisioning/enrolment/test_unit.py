"""The timer that renews: a call that the program takes, in a unit as shut as the agent's."""

import re
import shlex
import subprocess
from pathlib import Path

from click.testing import CliRunner

from provisioning import cli

SYSTEMD = Path(__file__).parents[3] / "systemd"
SERVICE = SYSTEMD / "dianjian-renew.service"
EXPOSURE_TENTHS = 13


def test_the_unit_says_what_the_program_takes(tmp_path: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", SERVICE.read_text("utf-8"), re.MULTILINE)
    words = [str(tmp_path / "none.toml") if "site.toml" in word else word for word in shlex.split(line)]
    ended = CliRunner().invoke(cli.cli, words[1:])
    assert (ended.exit_code, "none.toml: cannot be read" in ended.stderr) == (2, True)


def test_the_unit_is_as_shut_as_the_agents() -> None:
    threshold = f"--threshold={EXPOSURE_TENTHS}"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", threshold, str(SERVICE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:]


def test_the_timer_spreads_its_gateways_over_the_day() -> None:
    text = (SYSTEMD / "dianjian-renew.timer").read_text("utf-8")
    calendar = re.search(r"^OnCalendar=(.*)$", text, re.MULTILINE)
    assert calendar is not None
    subprocess.run(["systemd-analyze", "calendar", calendar[1]], check=True, capture_output=True)
    assert "RandomizedDelaySec=12h" in text
    assert "Persistent=yes" in text
