"""Serves a plant: each bus at its own address, all in one thread, until it is stopped.

    with Server(plant, clock) as server:
        open_bus(server.urls["b1"], clock)

`urls` has for each bus what the driver opens: `tcp://host:port`, `rtu+tcp://host:port`,
`rtu:/dev/pts/5?baudrate=9600&parity=N`, `dlt645+tcp://…` or `dlt645:…`. A pseudo-terminal cannot be given
a parity (pyserial's attempt fails with EINVAL), so the URL of an 8E1 bus has N too; its pacing still
counts the parity bit. With `control` machines can be switched by hand (firmware_sim.control).
"""

import asyncio
import itertools
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from drivers.clock import NS_PER_S, Clock
from firmware_sim.control import ControlPort
from firmware_sim.dlt645_bus import Dlt645Core
from firmware_sim.layout import BusKind, BusProtocol, FaultKind
from firmware_sim.pace import Pace
from firmware_sim.plant import Plant
from firmware_sim.server_bus import ModbusCore
from firmware_sim.server_ports import PtyPort, TcpPort

STOP_REAL_S: Final = 5.0
"""Nothing in the loop waits longer; a thread that still runs then hangs."""


class ServeError(Exception):
    """A bus cannot be opened: the port is taken, the link cannot be made."""


class Server:
    """All buses of a plant."""

    def __init__(self, plant: Plant, clock: Clock, control: Path | None = None) -> None:
        self._control = None if control is None else ControlPort(plant, clock, control)
        self.urls: Mapping[str, str] = {}
        self._plant = plant
        self._clock = clock
        self._ready = threading.Event()
        self._error: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="plant", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Open every bus.

        Raises:
            ServeError: One cannot be opened.
        """
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            self._thread.join(STOP_REAL_S)
            raise ServeError(str(self._error)) from self._error
        if not self.urls:
            raise ServeError("the simulator's thread ended before its buses were open")

    def stop(self) -> None:
        """Close every bus; waits until it is done."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(STOP_REAL_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except (OSError, ServeError) as error:
            self._error = error
        finally:
            self._ready.set()

    async def _open(self, bus: str, port: TcpPort | PtyPort) -> None:
        """Open a bus; asyncio's own sentence about a taken port has numbers and brackets in it."""
        try:
            await port.open()
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise ServeError(f"bus {bus} cannot be opened: {why}") from error

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        ports: dict[str, TcpPort | PtyPort] = {}
        try:
            for plan in self._plant.layout.buses:
                kind = Dlt645Core if plan.protocol is BusProtocol.DLT645 else ModbusCore
                pace = Pace(kind(plan, self._plant), self._clock)
                ports[plan.id] = PtyPort(pace) if plan.kind is BusKind.PTY else TcpPort(pace)
                await self._open(plan.id, ports[plan.id])
            if self._control is not None:
                await self._control.open()
            self.urls = {name: port.url for name, port in ports.items()}
            self._ready.set()
            tasks = [asyncio.create_task(self._plug(name, port)) for name, port in ports.items()]
            tasks += [asyncio.create_task(self._chatter(name, port)) for name, port in ports.items()]
            await self._stopping.wait()
            for task in tasks:
                task.cancel()
        finally:
            if self._control is not None:
                self._control.close()
            for port in ports.values():
                port.close()
            await asyncio.sleep(0)  # lets the closed connections leave the loop before it ends

    async def _plug(self, bus: str, port: TcpPort | PtyPort) -> None:
        """Unplug a bus and plug it in again, following its events."""
        there = True
        for at_s in self._plant.plug_moments(bus):
            wait_s = at_s - self._clock.stamp().utc_ns / NS_PER_S
            await asyncio.sleep(self._clock.real_s(wait_s) if wait_s > 0 else 0)
            wanted = not self._plant.is_unplugged(bus, at_s)
            if there and not wanted:
                port.close()
            elif wanted and not there:
                await port.open()
            there = wanted

    async def _chatter(self, bus: str, port: TcpPort | PtyPort) -> None:
        """Let another master send on a bus, following its faults, even while no request comes."""
        faults = self._plant.layout.faults
        gaps_s = [one.gap_s for one in faults if one.what is FaultKind.CHATTER and one.bus == bus]
        for number in itertools.count() if gaps_s else ():
            await asyncio.sleep(self._clock.real_s(min(gaps_s)))
            port.send_foreign(number)
