"""A broker on loopback: the embedded one, or mosquitto where it is installed.

The embedded broker is rumqttd (package iotcore) with one MQTT v5 listener on 127.0.0.1. It cannot be stopped
inside a process, so it runs in one of its own, which ends with the process that started it. It keeps sessions
and retained messages in memory only, so killing it is a good test. It sends a retained message once in a
session and announces no Maximum Packet Size; neither is needed here.

mosquitto is the broker of a real installation; `write_mosquitto_config` configures it as used there: TLS
1.3, client certificates, and an ACL in which a gateway writes only below the name in its certificate. The ACL
is that of `centre.broker_config`, which writes the configuration of a real centre.

All files go to the caller's directory: configuration, ACL, log, persistence.

    python -m provisioning.demo.broker --port 1883 --directory /tmp/broker
"""

import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from attrs import frozen

from centre.broker_config import ACL, CENTRE_NAME, INFLIGHT_MAX, PACKET_BYTES_MAX, QUEUED_MESSAGES_MAX, ROLES
from disk.files import replace_file

HOST: Final = "127.0.0.1"
READY_S: Final = 60.0
"""A busy small machine takes some seconds to start a Python process; one that dies is seen at once."""
STOP_S: Final = 5.0
READY_POLL_S: Final = 0.02
_RUMQTTD: Final = """\
id = 0

[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 16777216
max_segment_count = 10

[v5.1]
name = "v5"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {packet_bytes_max}
max_inflight_count = 100
dynamic_filters = true
"""

_MOSQUITTO: Final = """\
per_listener_settings false
set_tcp_nodelay true
listener {port} {host}
persistence true
persistence_location {directory}/
autosave_interval 1
max_queued_messages {queued_max}
max_inflight_messages {inflight_max}
max_packet_size {packet_bytes_max}
log_dest file {directory}/mosquitto.log
log_type error
log_type warning
"""

_MOSQUITTO_TLS: Final = """\
allow_anonymous false
cafile {tls.ca}
certfile {tls.certificate}
keyfile {tls.key}
require_certificate true
use_identity_as_username true
tls_version tlsv1.3
acl_file {directory}/acl
"""


class BrokerError(RuntimeError):
    """The broker is not installed or does not start."""


@frozen
class ServerTls:
    """PEM files of the broker, and the certificate name of the centre."""

    ca: Path
    certificate: Path
    key: Path
    centre: str = CENTRE_NAME


class Broker:
    """A running broker process; stopped by its pid, never by name."""

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self.port = port
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,  # ctrl-C goes to the parent only, which stops it last
            )
        try:
            self._wait_until_ready()
        except BrokerError:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM: the broker keeps sessions and retained messages if it can."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()

    def kill(self) -> None:
        """SIGKILL: the broker loses what is not on disk."""
        self._process.kill()
        self._reap()

    def _reap(self) -> None:
        self._process.wait(STOP_S)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection((HOST, self.port), timeout=1.0).close()
            except OSError:
                time.sleep(READY_POLL_S)  # neither broker announces that it listens
            else:
                return
        lines = self._log.read_text("utf-8", "replace").strip().splitlines() or ["its log is empty"]
        raise BrokerError(f"the broker did not start on port {self.port}: {lines[-1]}")


def find_free_port() -> int:
    """A TCP port of this machine that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def start_embedded(port: int, directory: Path) -> Broker:
    """The embedded broker, ready for clients."""
    directory.mkdir(parents=True, exist_ok=True)
    arguments = ["--port", str(port), "--directory", str(directory), "--with-parent"]
    command = [sys.executable, "-P", "-m", "provisioning.demo.broker", *arguments]
    return Broker(command, port, directory / "embedded.log")


def start_mosquitto(port: int, directory: Path, tls: ServerTls | None = None) -> Broker:
    """The installed mosquitto with our configuration, ready for clients."""
    return run_mosquitto(port, write_mosquitto_config(port, directory, tls))


def run_mosquitto(port: int, config: Path) -> Broker:
    """The installed mosquitto with the configuration file `config`."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise BrokerError("mosquitto is not installed: apt-get install mosquitto")
    return Broker([program, "-c", str(config)], port, config.with_suffix(".out"))


def write_mosquitto_config(port: int, directory: Path, tls: ServerTls | None) -> Path:
    """Write configuration and ACL for mosquitto 2; without `tls` every local process has full access."""
    directory.mkdir(parents=True, exist_ok=True)
    text = _MOSQUITTO.format(
        port=port,
        host=HOST,
        directory=directory,
        queued_max=QUEUED_MESSAGES_MAX,
        inflight_max=INFLIGHT_MAX,
        packet_bytes_max=PACKET_BYTES_MAX,
    )
    if os.geteuid() == 0:
        text += "user root\n"  # else it drops to a user who cannot read the caller's directory
    if tls is None:
        text += "allow_anonymous true\n"
    else:
        text += _MOSQUITTO_TLS.format(tls=tls, directory=directory)
        replace_file(directory / "acl", ACL.format(**{**ROLES, "subscribe": tls.centre}).encode(), 0o600)
    config = directory / "mosquitto.conf"
    replace_file(config, text.encode())
    return config


def _end_with_parent() -> None:
    sys.stdin.buffer.read()  # returns when the pipe from the parent closes
    os._exit(0)  # rumqttd cannot be stopped from within


@click.command()
@click.option("--port", type=int, required=True, help="TCP port on 127.0.0.1.")
@click.option("--directory", type=click.Path(path_type=Path), required=True, help="Where its files go.")
@click.option("--with-parent", is_flag=True, help="End when standard input closes.")
def main(port: int, directory: Path, *, with_parent: bool) -> None:
    """Run the embedded MQTT v5 broker until it is stopped."""
    from iotcore.iotcore import IotCoreBroker  # noqa: PLC0415 - an optional part, needed only here

    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)  # it logs each packet as an error
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "rumqttd.toml"
    text = _RUMQTTD.format(host=HOST, port=port, packet_bytes_max=PACKET_BYTES_MAX)
    replace_file(config, text.encode())
    if with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    IotCoreBroker(config_path=str(config)).run_forever()


if __name__ == "__main__":
    main()
