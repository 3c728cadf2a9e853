"""An enrolment office and a bare gateway, by the verbs that people type."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import define
from click.testing import CliRunner, Result

from provisioning import cli
from provisioning.demo.broker import Broker, find_free_port, run_mosquitto
from provisioning.demo.parts import Part
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
        more = ["--register", str(self.folder / "register"), "--key", str(self.folder / "centre.key")]
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


def openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


PATIENCE_S: Final = 60.0
"""For another process on a loaded machine."""


@define
class Doors:
    """The office's doors, open: a real mosquitto as `broker-config` writes it, `centre listen` beside it."""

    desk: Desk
    broker: Broker
    claims: Broker
    port: int
    claim_port: int
    centre_port: int
    est_port: int
    listening: Part

    @property
    def tls(self) -> Path:
        """The centre's own certificate on the broker."""
        return self.desk.folder / "tls"

    def token(self, gateway: str = "g1", *more: str) -> dict[str, Any]:
        words = ["--key", str(self.desk.folder / "centre.key"), *self.urls(), "--json", *more, gateway]
        told: dict[str, Any] = json.loads(good("centre", "token", *self.desk.office, *words))
        return told

    def urls(self) -> list[str]:
        host = "127.0.0.1"
        return [
            *("--broker", f"mqtts://{host}:{self.port}"),
            *("--est", f"https://{host}:{self.est_port}"),
            *("--claim", f"mqtts://{host}:{self.claim_port}"),
        ]

    @property
    def broker_folder(self) -> Path:
        return self.desk.folder.parent / "broker"

    def restart_broker(self) -> None:
        self.broker.stop()
        self.broker = run_mosquitto(self.port, self.broker_folder / "mosquitto.conf")

    def said(self) -> list[dict[str, Any]]:
        """The lines of `centre listen`."""
        whole = self.listening.output.read_text("utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def hear(self, behind: int = 0, **wanted: str) -> list[dict[str, Any]]:
        """The lines behind so many that have these fields, once there is one: it is another process."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            found = [line for line in self.said()[behind:] if wanted.items() <= line.items()]
            if found:
                return found
            assert time.monotonic() < deadline_s, f"nothing with {wanted} was said"
            time.sleep(0.02)


@contextmanager
def open_doors(folder: Path) -> Iterator[Doors]:
    desk = Desk.opened(folder / "centre")
    port, claim_port, centre_port, est_port = (find_free_port() for _ in range(4))
    tls = str(desk.folder / "tls")
    good("centre", "certificate", *desk.office, "--out", tls)
    ports = ["--port", str(port), "--claim-port", str(claim_port), "--claim-centre-port", str(centre_port)]
    more = ["--verifiers", "2"]
    good("centre", "broker-config", *desk.office, "--out", str(folder / "broker"), *ports, *more)
    broker = run_mosquitto(port, folder / "broker/mosquitto.conf")
    claims = run_mosquitto(claim_port, folder / "broker/claims.conf")
    host = "mqtts://127.0.0.1"
    words = [
        "--est",
        f"127.0.0.1:{est_port}",
        "--broker",
        f"{host}:{port}",
        "--claims",
        f"{host}:{centre_port}",
    ]
    own = ["--certificate", f"{tls}/centre.pem", "--certificate-key", f"{tls}/centre.key"]
    listening = Part("listen", ["provisioning.cli", "centre", "listen", *desk.all, *words, *own], folder)
    doors = Doors(desk, broker, claims, port, claim_port, centre_port, est_port, listening)
    try:
        listening.start()
        listening.first_line()
        yield doors
    finally:
        listening.stop()
        doors.broker.stop()
        doors.claims.stop()
