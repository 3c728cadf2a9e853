"""A whole centre of real processes: office, mosquitto with certificates, subscriber, the desk for claims."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import define

from provisioning.demo.broker import find_free_port, run_mosquitto
from provisioning.demo.parts import Part

HANGS_S: Final = 600
"""A verb that takes longer waits for something that does not come."""


def dianjian(*words: str) -> str:
    """What a verb says; it must end well."""
    command = [sys.executable, "-P", "-m", "provisioning.cli", *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_S, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@define
class Centre:
    """The centre's folder and where its doors are."""

    folder: Path
    port: int
    claim_port: int
    centre_port: int

    @property
    def key(self) -> str:
        return str(self.folder / "centre.key")

    @property
    def office(self) -> str:
        return str(self.folder / "office")

    @property
    def register(self) -> str:
        return str(self.folder / "register.jsonl")

    def token(self, gateway: str, *more: str) -> dict[str, Any]:
        """A one-time token for `gateway`, as its technician gets it."""
        urls = [
            "--broker",
            f"mqtts://127.0.0.1:{self.port}",
            "--claim",
            f"mqtts://127.0.0.1:{self.claim_port}",
        ]
        words = [
            "centre",
            "token",
            "--authority",
            self.office,
            "--key",
            self.key,
            *urls,
            "--json",
            *more,
            gateway,
        ]
        told: dict[str, Any] = json.loads(dianjian(*words))
        return told


@contextlib.contextmanager
def centre_at(folder: Path) -> Iterator[Centre]:
    """A centre that runs."""
    folder.mkdir()
    centre = Centre(folder, find_free_port(), find_free_port(), find_free_port())
    dianjian("centre", "init", "--key", centre.key)
    dianjian("centre", "authority", centre.office)
    ports = ["--port", str(centre.port), "--claim-port", str(centre.claim_port)]
    ports += ["--claim-centre-port", str(centre.centre_port)]
    dianjian("centre", "broker-config", "--authority", centre.office, "--out", str(folder / "broker"), *ports)
    dianjian("centre", "certificate", "--authority", centre.office, "--out", str(folder / "own"))
    Path(centre.register).touch()
    own = folder / "own"
    tls = ["--ca", f"{centre.office}/authority.pem", "--certificate", str(own / "centre.pem")]
    tls += ["--certificate-key", str(own / "centre.key"), "--broker", f"mqtts://127.0.0.1:{centre.port}"]
    known = ["--register", centre.register, "--key", centre.key]
    verbs = ["provisioning.cli", "subscribe", *known, *tls, "--store", str(folder / "centre.db")]
    desk = ["provisioning.cli", "centre", "listen", "--authority", centre.office, *known, *tls]
    desk += ["--claims", f"mqtts://127.0.0.1:{centre.centre_port}"]
    parts = [Part("subscriber", verbs, folder), Part("desk", desk, folder)]
    broker = run_mosquitto(centre.port, folder / "broker" / "mosquitto.conf")
    claims = run_mosquitto(centre.claim_port, folder / "broker" / "claims.conf")
    try:
        for part in parts:
            part.start()
        for part in parts:
            part.first_line()
        yield centre
    finally:
        for part in parts:
            part.stop()
        broker.kill()
        claims.kill()
