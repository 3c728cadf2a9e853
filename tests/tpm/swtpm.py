"""A real TPM 2.0 in software: swtpm on loopback, started and stopped by its process."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field

START_S: Final = 10.0
TRIES: Final = 5


def needed() -> None:
    """Skip where the TPM or the libraries for it are not installed."""
    if shutil.which("swtpm") is None:
        pytest.skip("swtpm is not installed")
    pytest.importorskip("tpm2_pytss", reason="tpm2-pytss could not be built (libtss2-dev?)")


def _free_ports() -> int:
    """A free port with a free one behind it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


@define
class Swtpm:
    """A TPM whose memory lies in `folder`."""

    folder: Path
    port: int = field(factory=_free_ports)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _fresh: bool = field(default=True, init=False)

    @property
    def tcti(self) -> str:
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def start(self) -> None:
        """Listen; the first time on other ports if somebody has taken these meanwhile."""
        self.folder.mkdir(exist_ok=True)
        for _ in range(TRIES if self._fresh else 1):
            if self._listens():
                self._fresh = False
                return
            self.port = _free_ports() if self._fresh else self.port
        raise AssertionError("swtpm does not listen")

    def _listens(self) -> bool:
        self._process = subprocess.Popen(
            [
                "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}",
                "--server", f"type=tcp,port={self.port}", "--ctrl", f"type=tcp,port={self.port + 1}",
                "--flags", "not-need-init,startup-clear",
            ],
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s:
            with socket.socket() as control:
                if control.connect_ex(("127.0.0.1", self.port + 1)) == 0:
                    return self._process.poll() is None
            if self._process.poll() is not None:
                return False
            time.sleep(0.01)
        return False

    def kill(self) -> None:
        """The power is cut."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.kill()
