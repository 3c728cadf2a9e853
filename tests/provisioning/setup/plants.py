"""Journals of a setup that has come so far, and calls of its verb."""

import json
from pathlib import Path
from typing import Any

from attrs import evolve
from click.testing import CliRunner, Result

from agent.site.field_types import UnitId
from provisioning import cli
from provisioning.journal.entries import (
    STEPS,
    BusFound,
    Enrolled,
    Journal,
    LineNamed,
    LinkageNamed,
    MeterFound,
    SiteFacts,
)
from provisioning.journal.file import JOURNAL_NAME, load_journal, save_journal

AT = "2026-03-02T07:30:00Z"
BUS = BusFound("b1", "tcp://127.0.0.1:1")
METERS = (
    MeterFound("m1", "b1", UnitId(1), model="eastron-sdm630", serial="1", confidence=0.63, line="p1"),
    MeterFound("m2", "b1", UnitId(2), model="chint-dtsu666", confidence=0.95, line="t1", ct_ratio=20.0),
)
LINES = (
    LineNamed("p1", "production", "plating", 60_000),
    LineNamed("t1", "treatment", "scrubber", 22_000),
)


def journal_up_to(step: str) -> Journal:
    """A journal in which everything before `step` is done."""
    before = list(STEPS)[: list(STEPS).index(step)]
    journal = Journal(language="en", steps=dict.fromkeys(before, AT))
    if "find" in before:
        journal = evolve(journal, buses=(BUS,), meters=tuple(evolve(one, line=None) for one in METERS))
    if "lines" in before:
        site = SiteFacts("g1", "works")
        linkages = (LinkageNamed("k1", ("p1",), ("t1",)),)
        journal = evolve(journal, meters=METERS, lines=LINES, linkages=linkages, site=site)
    if "enrol" in before:
        enrolled = Enrolled("file", "00" * 32, centre_key="11" * 32, broker_url="mqtt://127.0.0.1:1")
        journal = evolve(journal, enrolment=enrolled)
    return journal


def begun(folder: Path, step: str) -> Path:
    """A setup's folder in which everything before `step` is done."""
    folder.mkdir(parents=True, exist_ok=True)
    save_journal(folder / JOURNAL_NAME, journal_up_to(step))
    return folder


def setup(folder: Path, *words: str, answers: str | None = None, given: str | None = None) -> Result:
    """Call the verb in `folder`; `answers` is the text of an answers file."""
    more = []
    if answers is not None:
        file = folder.parent / "answers.toml"
        file.write_text(answers, "utf-8")
        more = ["--yes", "--answers", str(file)]
    call = ["--lang", "en", "setup", *words, "--folder", str(folder), *more]
    return CliRunner().invoke(cli.cli, call, input=given, prog_name="dianjian")


def told(ended: Result) -> list[str]:
    """The lines that the verb ended with."""
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return [line.removeprefix("dianjian: ") for line in ended.stderr.splitlines() if "dianjian: " in line]


def events(ended: Result) -> list[dict[str, Any]]:
    """What a call with --json has said."""
    return [json.loads(line) for line in ended.stdout.splitlines()]


def kept(folder: Path) -> Journal:
    """The journal as it is now."""
    return load_journal(folder / JOURNAL_NAME)
