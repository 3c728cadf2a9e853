"""The installed mosquitto with a configuration of the test's own, without the limits that ours sets."""

import os
from pathlib import Path

from provisioning.demo.broker import HOST, Broker, run_mosquitto


def start_with(port: int, folder: Path, *options: str) -> Broker:
    """A mosquitto that everybody on this machine may use, with `options` as lines of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"listener {port} {HOST}", "allow_anonymous true", "persistence false", *options]
    if os.geteuid() == 0:
        lines.append("user root")
    config = folder / "own.conf"
    config.write_text("\n".join(lines) + "\n", "utf-8")
    return run_mosquitto(port, config)
