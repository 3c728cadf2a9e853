"""A gateway's folder for the doctor to look at: a site file, keys and a chain of real seals."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import evolve
from click.testing import CliRunner, Result

from agent.site.enrolment import write_enrolment
from evidence import keys
from provisioning.cli import cli
from provisioning.doctor.finding import Check, Finding, State, examine
from provisioning.doctor.verb import CHECKS, find_target
from tests.agent.rig import CENTRE, SITE, Rig

STATE = "g1"
PATIENCE_S = 300.0
METER = """
[[meter]]
id = "{id}"
bus = "b1"
unit_id = {unit}
model = "{model}"
line = "{line}"
"""


def place(
    folder: Path, *, seals: bool = True, more: str = "", changes: Sequence[tuple[str, str]] = ()
) -> Path:
    """A site file whose state folder is `folder`/g1, with some seals; the site file's path."""
    text = SITE.replace("[broker]", f'[store]\npath = "{STATE}"\n[broker]') + more
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    file = folder / "site.toml"
    file.write_text(text, "utf-8")
    if seals:
        with TemporaryDirectory() as life:  # the rig keeps its key file open
            rig = Rig(Path(life))
            rig.run(30, 30_000, 12_000)
            rig.receipt(rig.seals()[0])
            rig.gateway.stop(rig.stamp(), rig.passed_s)
            rig.close()
            shutil.copytree(Path(life) / "state", folder / STATE)
            write_enrolment(folder / STATE, "g1", rig.first_key, CENTRE_KEY)  # any recovery key will do
        (folder / STATE).chmod(0o700)
    return file


def look(file: Path, *checks: Check) -> list[Finding]:
    """What these checks find; those of the product have all the time that a loaded machine needs."""
    target = [evolve(check, limit_s=PATIENCE_S) if check in CHECKS else check for check in checks]
    return list(examine(target, find_target(file), lambda _: None))


def lines(findings: Sequence[Finding]) -> list[tuple[str, State]]:
    return [(f"{one.check} {one.about}".rstrip(), one.state) for one in findings]


def bad(findings: Sequence[Finding]) -> list[Finding]:
    return [one for one in findings if one.state is not State.OK]


def the_bad(findings: Sequence[Finding]) -> Finding:
    """The only finding that is not ok; it has a remedy, and all of it in both languages."""
    (one,) = bad(findings)
    assert one.remedy is not None
    for words in (one.text, one.remedy):
        assert words.zh
        assert words.en.isascii() or "…" in words.en or "→" in words.en
    return one


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["doctor", *map(str, words)])


def told(result: Result) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(result.stdout)
    return answer


CENTRE_KEY = keys.public(CENTRE)
