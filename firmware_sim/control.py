"""A Unix socket through which machines of a served plant are switched by hand.

Each line of text is answered by one line of JSON, any number of times per connection:

    p1 off        {"line": "p1", "to": "off", "at": "2026-03-02T01:00:12Z"}
    p1 40%        {"line": "p1", "to": "40%", "at": "2026-03-02T01:00:31Z"}
    p9 on         {"error": "no machine is called 'p9'; there are p1, p2, t1"}
    wiring m3 right   {"meter": "m3", "to": "right", "at": …}; or ct_reversed l2, … (firmware_sim.wiring)
    supply m4 off     {"meter": "m4", "to": "off"}: it does not answer until `supply m4 on`
    clamp m3          {"meter": "m3", "amps": [61.2, 60.8, 61.9]}: what a clamp meter shows on L1, L2, L3
    (an empty line)   {"lines": [{"line": "p1", "to": "40%", "power_w": 29870.4}, …]}

`at` is the plant time from which it holds. The socket belongs to the user who serves the plant
(0600). One that a killed server left behind is taken over; anything else at its path is left alone.
"""

import asyncio
import json
import os
import socket
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from drivers.clock import NS_PER_S, Clock
from firmware_sim.layout import LineKind
from firmware_sim.plant import Plant
from firmware_sim.switches import parse_state
from firmware_sim.wiring import parse_wiring

LINE_BYTES_MAX: Final = 256
"""Longest request: a name and a state."""
ANSWER_BYTES_MAX: Final = 1024 * 1024
"""Longest answer: some ten thousand machines."""
ASK_REAL_S: Final = 30.0
"""The plant answers at once; a server that does not answer in this time hangs."""
_MODE: Final = 0o600
_AUTO: Final = "auto"


class ControlError(Exception):
    """The socket cannot be used, or its answer is nonsense; one line."""


@define
class ControlPort:
    """The socket of a plant that is being served."""

    plant: Plant
    clock: Clock
    path: Path
    _listener: asyncio.Server | None = field(default=None, init=False)
    _peers: set[asyncio.StreamWriter] = field(factory=set, init=False)

    async def open(self) -> None:
        """Start listening.

        Raises:
            OSError: The path is taken or cannot be made.
        """
        _remove_stale(self.path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(sock.fileno(), _MODE)  # before it has a name, so it is never open to others
            sock.bind(str(self.path))
            self._listener = await asyncio.start_unix_server(self._serve, sock=sock, limit=LINE_BYTES_MAX)
        except BaseException:
            sock.close()
            raise

    def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._listener is None:
            return
        self._listener.close()
        for peer in tuple(self._peers):
            peer.transport.abort()
        self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._peers.add(writer)
        try:
            while line := await reader.readline():
                writer.write(_to_line(self.answer(line.decode("utf-8", "replace"))))
                await writer.drain()
        except ValueError:  # raised by readline for an endless line
            writer.write(_to_line({"error": f"a line has at most {LINE_BYTES_MAX} bytes"}))
        except (OSError, asyncio.CancelledError):
            pass  # the peer, or the plant, is gone
        finally:
            self._peers.discard(writer)
            writer.close()

    def answer(self, line: str) -> dict[str, Any]:
        """Carry out one line; returns the answer."""
        now_s = self.clock.stamp().utc_ns / NS_PER_S
        words = line.split(maxsplit=1)
        if not words:
            return {"lines": self._lines(now_s)}
        work = _WORKS.get(words[0])
        if work is not None and words[0] not in {one.id for one in self.plant.layout.lines}:
            return work(self.plant, line.split()[1:], now_s)
        if len(words) == 1:
            return {"error": f"say what {words[0]!r} is switched to"}
        try:
            state, share = parse_state(words[1])
            done = self.plant.switch(words[0], state, now_s, share)
        except ValueError as error:
            return {"error": str(error)}
        return {"line": done.line, "to": done.label, "at": _to_moment(done.begin_s)}

    def _lines(self, now_s: float) -> list[dict[str, Any]]:
        """Every line with its last switch and its power."""
        last = {switch.line: switch.label for switch in self.plant.switches}
        return [
            {
                "line": line.id,
                "to": None if line.kind is LineKind.INCOMER else last.get(line.id, _AUTO),
                "power_w": round(self.plant.power_w(line.id, now_s), 1),
            }
            for line in self.plant.layout.lines
        ]


def _to_moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def _rewire(plant: Plant, words: Sequence[str], now_s: float) -> dict[str, Any]:
    meter, *rest = words or ("",)
    if not rest:
        return {"error": "say the meter and its wiring, like `wiring m3 right`"}
    try:
        wiring = parse_wiring(rest, [line.id for line in plant.layout.lines])
        at_s = plant.rewire(meter, wiring, now_s)
    except ValueError as error:
        return {"error": str(error)}
    return {"meter": meter, "to": " ".join(rest), "at": _to_moment(at_s)}


def _supply(plant: Plant, words: Sequence[str], _: float) -> dict[str, Any]:
    if len(words) != 2 or words[1] not in {"on", "off"}:
        return {"error": "say the meter and on or off, like `supply m4 off`"}
    try:
        plant.supply(words[0], is_on=words[1] == "on")
    except ValueError as error:
        return {"error": str(error)}
    return {"meter": words[0], "to": words[1]}


def _clamp(plant: Plant, words: Sequence[str], now_s: float) -> dict[str, Any]:
    if len(words) != 1:
        return {"error": "say the meter on whose cables to measure, like `clamp m3`"}
    try:
        return {"meter": words[0], "amps": [round(one, 1) for one in plant.clamp(words[0], now_s)]}
    except ValueError as error:
        return {"error": str(error)}


_WORKS: Final = {"wiring": _rewire, "supply": _supply, "clamp": _clamp}
"""What is done at a meter; a line of the same name is switched instead."""


def ask(path: Path, line: str) -> Mapping[str, Any]:
    """Send one line and return the answer.

    Raises:
        ControlError: No plant is served there, or its answer is invalid.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(ASK_REAL_S)
            peer.connect(str(path))
            peer.sendall(f"{line}\n".encode())
            with peer.makefile("rb") as answers:
                answer = json.loads(answers.readline(ANSWER_BYTES_MAX))
    except OSError as error:
        raise ControlError(f"{path}: no plant is served here ({error.strerror or error})") from error
    except ValueError as error:
        raise ControlError(f"{path}: what answers here is no simulator") from error
    if not isinstance(answer, dict):
        raise ControlError(f"{path}: what answers here is no simulator")
    return answer


def _to_line(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode() + b"\n"


def _remove_stale(path: Path) -> None:
    """Remove the socket of a server that was killed.

    Raises:
        OSError: The path is taken.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(None, "is there and is no socket", str(path))
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        try:
            peer.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError(None, "another plant is served here", str(path))
