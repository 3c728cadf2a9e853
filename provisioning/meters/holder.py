"""Which agent of this machine polls a bus: by the site files of running agents, and the usual one."""

import fcntl
import os
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from agent.site.file import ConfigError, load_site
from agent.status.bus_desk import Guest
from agent.status.lines import RefusedError
from agent.status.socket import SOCKET_NAME as STATUS_NAME
from drivers.link.bus_url import MODBUS_TCP_PORT

USUAL_SITE: Final = Path("/etc/dianjian/site.toml")
AGENTS: Final = frozenset({"dianjian-agent", "agent.main"})
"""As the service starts it, and as `python -m` does."""
_AGENT_WORDS: Final = 4


def try_agent(folder: Path, bus_id: str) -> str:
    """Why the agent with this state cannot serve the bus: hangs, old, rights, none is there; else empty."""
    try:
        Guest(folder, bus_id).close()
    except PermissionError:
        return "rights"
    except TimeoutError:
        return "hangs"
    except RefusedError:
        return "old"
    except OSError:
        return "old" if _is_listening(folder / STATUS_NAME) else "none"
    return ""


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        try:
            channel.connect(str(path))
        except OSError:
            return False
        return True


def find_sites() -> Iterator[Path]:
    """The site files of the agents that run on this machine, and the usual one, each once."""
    seen: set[Path] = set()
    for path in (*_running_sites(), USUAL_SITE):
        if path not in seen:
            seen.add(path)
            yield path


def _running_sites() -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if not any(Path(word).name in AGENTS for word in words[:_AGENT_WORDS]) or "run" not in words:
            continue
        named = [word.partition("=")[2] for word in words if word.startswith("--config=")]
        named += [after for word, after in pairwise(words) if word == "--config"]
        for name in named[:1]:
            try:
                yield ((process / "cwd").readlink() / name).resolve()
            except OSError:
                if Path(name).is_absolute():
                    yield Path(name)


def list_buses(site_file: Path) -> Iterator[tuple[str, str, Path]]:
    """Id, URL and state folder of each bus of a site file; none if it cannot be read."""
    try:
        site = load_site(site_file)
    except (ConfigError, OSError):
        return
    for bus in site.bus:
        yield bus.id, bus.url, site.path(site.store.path)


def is_port_free(url: str) -> bool:
    """Whether nobody has locked the serial port of a bus: an agent whose port was unplugged holds nothing."""
    try:
        port = os.open(urlsplit(url).path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return False
    try:
        fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(port)
    return True


def place_of(url: str) -> tuple[str, int]:
    """The port or gateway that a bus URL names, whatever its settings and framing."""
    parts = urlsplit(url)
    if parts.netloc:
        return (parts.hostname or "").lower(), parts.port or MODBUS_TCP_PORT
    return str(Path(parts.path).resolve()), 0


def is_same_bus(one: str, other: str) -> bool:
    """Whether two bus URLs name one port or one gateway."""
    first, second = place_of(one), place_of(other)
    if first == second or first[1] != second[1] or not first[1]:
        return first == second
    return bool(_addresses(first[0]) & _addresses(second[0]))


def _addresses(host: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return set()
