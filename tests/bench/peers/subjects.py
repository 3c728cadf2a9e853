"""How each program is told to do the same: read so many meters of one slave and publish what they say.

Every one gets what is best for it: one read of 40 registers a meter where it can, no pause between requests,
no logging beyond warnings, QoS 1.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, Protocol

from attrs import frozen

from agent.sealing.opening import open_chain
from agent.site.file import load_site
from centre.register import enrolment_line
from disk.version import read_version
from evidence.keys import create_key_file, public
from tests.bench.peers.install import ROOT, Installed, node_path, node_peer, python_peer
from tests.bench.peers.slave import POINTS, REGISTERS

HOST: Final = "127.0.0.1"
TIMEOUT_S: Final = 1.0
"""What every program waits for a meter that does not answer."""
OURS: Final = "ours"
GATEWAY: Final = "bench-1"


@frozen
class Task:
    """What is to be done.

    Attributes:
        url: `tcp://127.0.0.1:port` or `rtu:/dev/pts/N?baudrate=…`.
        broker: Port of the broker.
        units: Meters 1 to this.
        interval_s: Between polls of a meter; 0 is as fast as it can.
        seal_s: Between seals; ours alone.
        urls: Where each meter has an address of its own, instead of `url`: that of unit 1, 2, …
    """

    url: str
    broker: int
    units: int = 20
    interval_s: float = 1.0
    seal_s: float = 3.0
    urls: tuple[str, ...] = ()

    def place(self, unit: int) -> tuple[str, int]:
        """Host and port of a meter on TCP."""
        host, _, port = (self.urls[unit - 1] if self.urls else self.url).removeprefix("tcp://").partition(":")
        return host, int(port)

    @property
    def port(self) -> int:
        """Of the slave on TCP."""
        return int(self.url.rpartition(":")[2])

    @property
    def serial(self) -> tuple[str, int]:
        """Port and baud rate of a line; it is opened without parity, which a pty has not."""
        port, _, query = self.url.removeprefix("rtu:").partition("?")
        return port, int(dict(pair.split("=") for pair in query.split("&"))["baudrate"])


@frozen
class Call:
    """A command line with its environment and folder."""

    arguments: list[str]
    folder: Path
    environment: dict[str, str]


class Subject(Protocol):
    """A program under test."""

    name: str
    title: str
    version: str

    def prepare(self, folder: Path, task: Task) -> Call:
        """Write its configuration to `folder`; how it is started, first and again."""
        ...


MODEL_HEAD: Final = """\
name = "bench"
maker = "any"
title = "Meter of the benchmark"
verified = "reported"
provenance = "tests/bench/peers/slave.c"
[defaults]
function = 4
type = "f32"
[points]
"""
SITE: Final = """\
[site]
gateway = "{gateway}"
[store]
path = "state"
[seal]
interval_s = {seal_s}
[broker]
url = "mqtt://127.0.0.1:{broker}"
centre_key = "{centre_key}"
[[line]]
id = "p1"
kind = "production"
rated_w = 600000
[[line]]
id = "t1"
kind = "treatment"
rated_w = 600000
[[linkage]]
id = "k1"
production = ["p1"]
treatment = ["t1"]
"""
SITE_BUS: Final = """\
[[bus]]
id = "b{bus}"
url = "{url}"
"""
SITE_METER: Final = """\
[[meter]]
id = "m{unit}"
bus = "b{bus}"
unit_id = {unit}
model = "bench.toml"
line = "{line}"
fast_s = {fast_s}
"""


class Ours:
    """The daemon; `prepare` also writes what the centre needs: centre.key and gateways.jsonl.

    With several `buses` the meters are shared out over as many connections, each with one request under way.
    """

    name = OURS
    title = "dianjian-agent"

    def __init__(self, buses: int = 1) -> None:
        self.version = _commit()
        self._buses = buses

    def prepare(self, folder: Path, task: Task) -> Call:
        kilo = {"active_energy_import": ", scale = 1000"}
        lines = [
            f'{name} = {{ address = {2 * index}, group = "fast"{kilo.get(name, "")} }}'
            for index, name in enumerate(POINTS)
        ]
        (folder / "bench.toml").write_text(MODEL_HEAD + "\n".join(lines) + "\n", "utf-8")
        centre_key = public(create_key_file(folder / "centre.key")).hex()
        text = SITE.format(gateway=GATEWAY, seal_s=task.seal_s, broker=task.broker, centre_key=centre_key)
        urls = task.urls or (task.url,) * self._buses
        text += "".join(SITE_BUS.format(bus=bus, url=url) for bus, url in enumerate(urls))
        text += "".join(
            SITE_METER.format(
                unit=unit,
                bus=(unit - 1) % len(urls),
                line="p1" if unit % 2 else "t1",
                fast_s=task.interval_s or 1.0,
            )
            for unit in range(1, task.units + 1)
        )
        (folder / "site.toml").write_text(text, "utf-8")
        _, store, _, recovery = open_chain(load_site(folder / "site.toml"))
        store.close()
        (folder / "gateways.jsonl").write_text(enrolment_line(GATEWAY, recovery.next_key), "utf-8")
        module = "agent.main" if task.interval_s else "tests.bench.peers.fastest"
        call = [sys.executable, "-m", module, "run", "--config", str(folder / "site.toml")]
        return Call(call, folder, {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"})


class Modpoll:
    """modpoll, a loop of pymodbus sync and paho."""

    name = "modpoll"
    title = "modpoll"

    def __init__(self) -> None:
        self._home = python_peer("modpoll", "modpoll")
        self.version = self._home.version

    def prepare(self, folder: Path, task: Task) -> Call:
        rows = []
        for unit in range(1, task.units + 1):
            rows += [f"device,m{unit},{unit},,,", f"poll,input_register,0,{REGISTERS},BE_BE,"]
            rows += [f"ref,{name},{2 * index},float32,r," for index, name in enumerate(POINTS)]
        (folder / "meters.csv").write_text("\n".join(rows) + "\n", "utf-8")
        call = [
            str(self._home.folder / "bin" / "modpoll"),
            "--daemon",
            "--config",
            str(folder / "meters.csv"),
        ]
        if task.url.startswith("tcp:"):
            call += ["--tcp", HOST, "--tcp-port", str(task.port)]
        else:
            port, baudrate = task.serial
            call += ["--rtu", port, "--rtu-baud", str(baudrate), "--rtu-parity", "none"]
        call += ["--rate", str(task.interval_s), "--interval", "0", "--delay", "0"]
        call += ["--timeout", str(TIMEOUT_S), "--loglevel", "WARNING"]
        call += ["--mqtt-version", "5.0", "--mqtt-host", HOST, "--mqtt-port", str(task.broker)]
        call += ["--mqtt-qos", "1", "--mqtt-clientid", "modpoll"]
        call += ["--mqtt-publish-topic-pattern", "modpoll/{{device_name}}"]
        return Call(call, folder, dict(os.environ))


class Thingsboard:
    """thingsboard-gateway with its Modbus connector; the observer answers what its server would."""

    name = "thingsboard"
    title = "thingsboard-gateway"

    def __init__(self, storage: str = "memory", data: Path | None = None) -> None:
        self._home = python_peer("thingsboard", "thingsboard-gateway")
        self._storage = storage
        self._data = data
        self.version = self._home.version

    def prepare(self, folder: Path, task: Task) -> Call:
        package = next(self._home.folder.glob("lib/python*/site-packages/thingsboard_gateway"))
        (folder / "logs").mkdir(exist_ok=True)
        config = json.loads((package / "config/tb_gateway.json").read_text("utf-8"))
        config["thingsboard"] |= {
            "host": HOST,
            "port": task.broker,
            "remoteConfiguration": False,
            "statistics": {"enable": False, "statsSendPeriodInSeconds": 3600},
            "security": {"type": "accessToken", "accessToken": "bench"},
            "qos": 1,
        }
        data = self._data or folder / "data"
        data.mkdir(exist_ok=True)
        paths = {"data_file_path": f"{data}/data.db", "data_folder_path": f"{data}/"}
        config["storage"] |= {"type": self._storage, **paths}
        config["connectors"] = [{"name": "modbus", "type": "modbus", "configuration": "modbus.json"}]
        (folder / "tb_gateway.json").write_text(json.dumps(config), "utf-8")
        slaves = [self._slave(unit, task) for unit in range(1, task.units + 1)]
        connector = {"name": "modbus", "master": {"slaves": slaves}, "logLevel": "ERROR"}
        (folder / "modbus.json").write_text(json.dumps(connector), "utf-8")
        logs = (package / "config/logs.json").read_text("utf-8").replace('"INFO"', '"ERROR"')
        (folder / "logs.json").write_text(logs.replace("./logs/", f"{folder}/logs/"), "utf-8")
        call = [str(self._home.folder / "bin" / "python"), "-m", "thingsboard_gateway.tb_gateway"]
        return Call(call, folder, {**os.environ, "TB_GW_CONFIG_DIR": str(folder)})

    @staticmethod
    def _slave(unit: int, task: Task) -> dict[str, object]:
        values = {
            "tag": "v${address}",
            "type": "32float",
            "functionCode": 4,
            "objectsCount": 2,
            "address": f"0-{REGISTERS - 1}",
            "maxRegistersPerRequest": REGISTERS,
        }
        if not task.url.startswith("rtu:"):
            host, port = task.place(unit)
            place: dict[str, object] = {"host": host, "port": port, "type": "tcp", "method": "socket"}
        else:
            line, baudrate = task.serial
            place = {"port": line, "type": "serial", "method": "rtu", "baudrate": baudrate}
            place |= {"stopbits": 1, "bytesize": 8, "parity": "N", "strict": False}
        return place | {
            "unitId": unit,
            "deviceName": f"m{unit}",
            "deviceType": "default",
            "timeout": TIMEOUT_S,
            "byteOrder": "BIG",
            "wordOrder": "BIG",
            "retries": 0,
            "pollPeriod": max(int(task.interval_s * 1000), 1),
            "connectAttemptTimeMs": 500,
            "connectAttemptCount": 5,
            "waitAfterFailedAttemptsMs": 30000,
            "attributes": [],
            "timeseries": [values],
            "attributeUpdates": [],
            "rpc": [],
        }


DECODE: Final = """\
const out = {}, b = msg.responseBuffer.buffer;
for (let i = 0; i < NAMES.length; i++) out[NAMES[i]] = b.readFloatBE(4 * i);
const unit = msg.modbusRequest ? msg.modbusRequest.unitid : msg.topic;
return [{topic: 'nr/m' + unit, payload: JSON.stringify(out)}, LOOP];
"""
AGAIN: Final = "{payload: {fc: 4, unitid: unit, address: 0, quantity: QUANTITY}}"
NODE_SETTINGS: Final = """\
module.exports = {
  httpAdminRoot: false, httpNodeRoot: false, uiPort: 0, uiHost: '127.0.0.1', flowFile: 'flows.json',
  credentialSecret: false, logging: {console: {level: 'warn', metrics: false, audit: false}},
  telemetry: {enabled: false, updateNotification: false}, diagnostics: {enabled: false},
  runtimeState: {enabled: false}, editorTheme: {tours: false},
};
"""


class NodeRed:
    """Node-RED with node-red-contrib-modbus.

    At an interval: a modbus-read for each meter, as its palette offers it. As fast as it can: a flex-getter
    whose answer asks again, without the queue that would pause a millisecond after every command; one
    request of each meter is always under way, or with `one_at_a_time` one of all.
    """

    name = "node-red"
    title = "Node-RED, contrib-modbus"

    def __init__(self, *, one_at_a_time: bool = False) -> None:
        self._home: Installed = node_peer("node-red", "node-red")
        self._single = one_at_a_time
        contrib = self._home.folder / "node_modules/node-red-contrib-modbus/package.json"
        self.version = f"{self._home.version}, {json.loads(contrib.read_text('utf-8'))['version']}"

    def prepare(self, folder: Path, task: Task) -> Call:
        (folder / "settings.js").write_text(NODE_SETTINGS, "utf-8")
        (folder / "flows.json").write_text(json.dumps(self._flow(task)), "utf-8")
        program = self._home.folder / "node_modules/node-red/red.js"
        call = ["node", str(program), "--userDir", str(folder), "--settings", str(folder / "settings.js")]
        return Call(call, self._home.folder, {**os.environ, "PATH": node_path()})

    def _flow(self, task: Task) -> list[dict[str, object]]:
        again = AGAIN.replace("QUANTITY", str(REGISTERS)) if not task.interval_s else "null"
        if self._single:
            again = again.replace("unitid: unit,", f"unitid: unit % {task.units} + 1,")
        code = DECODE.replace("LOOP", again)
        code = f"const NAMES = {json.dumps(POINTS)};\n{code}"
        asking = self._readers(task) if task.interval_s else self._getter(task)
        loop = [] if task.interval_s else ["getter"]
        return [
            {"id": "tab", "type": "tab", "label": "bench"},
            *(self._client(task, unit) for unit in range(1, len(task.urls or (task.url,)) + 1)),
            {
                "id": "broker",
                "type": "mqtt-broker",
                "broker": HOST,
                "port": str(task.broker),
                "clientid": "node-red",
                "protocolVersion": "5",
                "keepalive": "60",
                "cleansession": True,
                "autoConnect": True,
            },
            {
                "id": "decode",
                "type": "function",
                "z": "tab",
                "func": code,
                "outputs": 2,
                "wires": [["out"], loop],
            },
            {
                "id": "out",
                "type": "mqtt out",
                "z": "tab",
                "topic": "",
                "qos": "1",
                "retain": "",
                "broker": "broker",
                "wires": [],
            },
            *asking,
        ]

    @staticmethod
    def _client(task: Task, number: int) -> dict[str, object]:
        if not task.url.startswith("rtu:"):
            host, port = task.place(number)
            place = {"clienttype": "tcp", "tcpHost": host, "tcpPort": str(port), "tcpType": "DEFAULT"}
        else:
            line, baudrate = task.serial
            place = {"clienttype": "simpleser", "serialPort": line, "serialType": "RTU-BUFFERD"}
            place |= {"serialBaudrate": str(baudrate), "serialDatabits": "8", "serialStopbits": "1"}
            place |= {"serialParity": "none", "serialConnectionDelay": "100"}
        return {
            "id": f"client{number}",
            "type": "modbus-client",
            **place,
            "bufferCommands": bool(task.interval_s),
            "failureLogEnabled": False,
            "unit_id": "1",
            "commandDelay": "1",
            "clientTimeout": str(int(TIMEOUT_S * 1000)),
            "reconnectOnTimeout": True,
            "reconnectTimeout": "2000",
            "parallelUnitIdsAllowed": True,
            "showErrors": False,
            "showWarnings": False,
            "showLogs": False,
        }

    @staticmethod
    def _readers(task: Task) -> list[dict[str, object]]:
        return [
            {
                "id": f"read{unit}",
                "type": "modbus-read",
                "z": "tab",
                "topic": str(unit),
                "unitid": str(unit),
                "dataType": "InputRegister",
                "adr": "0",
                "quantity": str(REGISTERS),
                "rate": str(int(task.interval_s * 1000)),
                "rateUnit": "ms",
                "server": f"client{unit if task.urls else 1}",
                "wires": [["decode"], []],
            }
            for unit in range(1, task.units + 1)
        ]

    def _getter(self, task: Task) -> list[dict[str, object]]:
        first = "".join(
            f"node.send({{payload: {{fc: 4, unitid: {unit}, address: 0, quantity: {REGISTERS}}}}});"
            for unit in range(1, 2 if self._single else task.units + 1)
        )
        return [
            {
                "id": "getter",
                "type": "modbus-flex-getter",
                "z": "tab",
                "server": "client1",
                "wires": [["decode"], []],
            },
            {
                "id": "begin",
                "type": "inject",
                "z": "tab",
                "once": True,
                "onceDelay": 3,
                "repeat": "",
                "props": [],
                "wires": [["first"]],
            },
            {
                "id": "first",
                "type": "function",
                "z": "tab",
                "func": first + "return null;",
                "outputs": 1,
                "wires": [["getter"]],
            },
        ]


SUBJECTS: Final = (Ours, Modpoll, Thingsboard, NodeRed)


def _commit() -> str:
    """Our version, with the commit where there is one."""
    call = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return f"{read_version()} {done.stdout.strip()}".strip()
