"""An enrolment office and a bare gateway, by the verbs that people type."""

import json
from pathlib import Path
from typing import Any

from attrs import define
from click.testing import CliRunner, Result

from provisioning import cli
from tests.agent.rig import SITE as SITE_TEXT

BROKER = "mqtts://127.0.0.1:8883"


def call(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli.cli, words, input=given, prog_name="dianjian")


def good(*words: str, given: str | None = None) -> str:
    ended = call(*words, given=given)
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return ended.stdout


def bad(code: int, *words: str) -> str:
    """The one line that a call ends with, and its exit code."""
    ended = call(*words)
    assert ended.exit_code == code, (ended.output, ended.exception)
    lines = [line for line in ended.stderr.splitlines() if line.startswith("dianjian: ")]
    assert len(lines) == 1, ended.stderr
    return lines[0].removeprefix("dianjian: ")


@define
class Desk:
    """The centre's folder: key, register, authority."""

    folder: Path

    @classmethod
    def opened(cls, folder: Path) -> "Desk":
        folder.mkdir(parents=True)
        good("centre", "init", "--key", str(folder / "centre.key"))
        good("centre", "authority", str(folder / "office"))
        return cls(folder)

    @property
    def office(self) -> list[str]:
        return ["--authority", str(self.folder / "office")]

    @property
    def all(self) -> list[str]:
        more = ["--registry", str(self.folder / "register"), "--key", str(self.folder / "centre.key")]
        return [*self.office, *more]

    def token(self, gateway: str = "g1", *more: str) -> dict[str, Any]:
        words = ["--key", str(self.folder / "centre.key"), "--broker", BROKER, "--json", *more, gateway]
        told: dict[str, Any] = json.loads(good("centre", "token", *self.office, *words))
        return told


def bare(folder: Path, gateway: str = "g1") -> Path:
    """A site file without [broker], as a new gateway has it; its path."""
    folder.mkdir(parents=True)
    head, tail = SITE_TEXT.split("[broker]", 1)
    rest = tail[tail.index("\n[") :]
    site = folder / "site.toml"
    site.write_text((head + rest).replace('"g1"', f'"{gateway}"'), "utf-8")
    return site


def offer_file(folder: Path, told: dict[str, Any]) -> Path:
    file = folder / "token.txt"
    file.write_text(told["offer"] + "\n", "utf-8")
    return file
