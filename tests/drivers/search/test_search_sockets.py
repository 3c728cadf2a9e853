"""The verbs that search, on real sockets and ptys, against the hand-written counterparts."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from provisioning.cli import cli
from tests.counterparts.bus import Overflow, Says, SerialBus
from tests.counterparts.device import Device, Mishap, fixed
from tests.counterparts.ports import Manners, PtyPort, TcpPort, Transaction, serve
from tests.counterparts.registers import DTSU666, SDM630
from tests.counterparts.sunspec import Common, Inverter, Meter, sunspec_map

WAITS_S = 0.3
SDM = "eastron-sdm630"
FAMILY = "eastron-sdm"
"""Its models are read alike by what the counterpart has of them."""
SLOW = pytest.mark.minutes


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="dianjian")


def rows_of(ended: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in ended.stdout.splitlines()]


def found_at(url: str, *more: str) -> dict[int, str]:
    rows = rows_of(call("scan", url, "--json", *more))
    named = {int(str(row["unit_id"])): str(row["model"]) for row in rows if "unit_id" in row}
    return {unit: SDM if model.startswith(FAMILY) else model for unit, model in named.items()}


@pytest.mark.parametrize(
    ("rtu", "says", "queue", "overflow"),
    [
        (False, Says.EXCEPTION_11, 16, Overflow.DROP_NEWEST),
        *(
            pytest.param(rtu, says, queue, overflow, marks=SLOW)
            for rtu in (False, True)
            for says, queue, overflow in (
                (Says.EXCEPTION_10, 0, Overflow.EXCEPTION_6),
                (Says.NOTHING, 1, Overflow.DROP_OLDEST),
                (Says.HANGS_UP, 4, Overflow.DROP_NEWEST),
            )
        ),
    ],
)
def test_a_gateway_that_asks_one_meter_at_a_time_is_not_overrun(
    rtu: bool, says: Says, queue: int, overflow: Overflow
) -> None:
    bus = SerialBus(
        [Device(1, map=SDM630), Device(3, map=DTSU666)], WAITS_S, says=says, queue=queue, overflow=overflow
    )
    with serve(TcpPort(bus, rtu=rtu)) as (port,):
        assert found_at(port.url, "--last", "4") == {1: SDM, 3: "chint-dtsu666"}
    assert bus.owed_max <= 2, "one question at a time, and the one that measures the wait"


@pytest.mark.parametrize("rtu", [False, pytest.param(True, marks=SLOW)])
def test_a_device_at_255_alone_is_found_named_and_read(rtu: bool) -> None:
    with serve(TcpPort(SerialBus([Device(255)], 0.02), rtu=rtu)) as (port,):
        assert found_at(port.url, "--first", "240") == {255: SDM}
        read = call("read", port.url, "--unit", "255", "--model", "eastron-sdm630", "--json")
        named = call("identify", port.url, "--unit", "255", "--json")
    assert json.loads(read.stdout)["unit_id"] == 255
    assert json.loads(read.stdout)["values"]["active_power"] > 0
    assert named.exit_code == 0
    assert json.loads(named.stdout)["matches"][0]["model"].startswith(FAMILY)


def test_a_device_at_0_is_read_as_unit_0() -> None:
    with serve(TcpPort(SerialBus([Device(0)], 0.02))) as (port,):
        assert found_at(port.url, "--first", "0", "--last", "3") == {0: SDM}
        read = call("read", port.url, "--unit", "0", "--model", "eastron-sdm630", "--json")
    assert json.loads(read.stdout)["unit_id"] == 0


@SLOW
def test_a_slow_meter_is_found_and_named() -> None:
    bus = SerialBus([Device(2, answers=fixed(0.4), map=DTSU666)], 2.0)
    with serve(TcpPort(bus)) as (port,):
        assert found_at(port.url, "--first", "2", "--last", "2") == {2: "chint-dtsu666"}


@SLOW
@pytest.mark.parametrize("busy_code", [5, 6])
def test_identify_waits_for_a_meter_that_is_busy(busy_code: int) -> None:
    with serve(TcpPort(SerialBus([Device(1, map=DTSU666, busy_every=3, busy_code=busy_code)], WAITS_S))) as (
        port,
    ):
        named = json.loads(call("identify", port.url, "--json").stdout)
    assert named["matches"][0]["model"] == "chint-dtsu666"
    assert named["requests"]["busy"] > 3


@SLOW
@pytest.mark.parametrize("mishap", [Mishap.LOST, Mishap.DAMAGED])
def test_identify_on_a_lossy_pty_names_the_meter_or_says_how_much_was_lost(mishap: Mishap) -> None:
    bus = SerialBus([Device(1, map=DTSU666, mishaps={mishap: 0.15}, seed=4)])
    with serve(PtyPort(bus, baudrate=115200)) as (port,):
        ended = call("identify", port.url, "--json")
    told = json.loads(ended.stdout)
    assert told["requests"]["lost"] > 0
    assert told["too_poor"] or told["matches"][0]["model"] == "chint-dtsu666"


@SLOW
def test_a_meter_that_is_hardly_heard_is_said_to_be_so_in_one_line() -> None:
    bus = SerialBus([Device(1, mishaps={Mishap.LOST: 0.8}, seed=2)], 0.02)
    with serve(TcpPort(bus)) as (port,):
        ended = call("identify", port.url)
    assert ended.exit_code == 1
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "the bus is too poor to name the meter" in ended.stderr or "no answer" in ended.stderr


def test_the_meters_of_a_sunspec_device_are_listed_chosen_and_read(tmp_path: Path) -> None:
    chain = sunspec_map(
        Common("A", "Inverter", "INV-1"), Inverter(),
        Common("B", "X", "MTR-1"), Meter(5_000), Common("B", "X", "MTR-2"), Meter(7_000),
    )  # fmt: skip
    file = tmp_path / "second.toml"
    with serve(TcpPort(SerialBus([Device(1, map=chain)], 0.02))) as (port,):
        rows = rows_of(call("scan", port.url, "--last", "1", "--json"))
        shown = call("identify", port.url, "--meter", "2", "--model-file", str(file))
        first = call("read", port.url, "--model", "sunspec", "--json")
        second = call("read", port.url, "--model", "sunspec:2", "--json")
        by_file = call("read", port.url, "--model", str(file), "--json")
        third = call("read", port.url, "--model", "sunspec:3")
    assert [(row["meter"], row["serial"]) for row in rows] == [(1, "MTR-1"), (2, "MTR-2")]
    assert "sunspec:2" in shown.stdout
    assert "MTR-2" in first.stderr, "the other meter is named"
    assert json.loads(first.stdout)["values"]["serial_number"] == "MTR-1"
    for one in (second, by_file):
        assert json.loads(one.stdout)["values"]["serial_number"] == "MTR-2"
        assert json.loads(one.stdout)["values"]["active_power"] // 100 == 70
    assert third.exit_code == 1
    assert "has 2 SunSpec meters, so no meter 3" in third.stderr


@pytest.mark.parametrize(
    "transaction",
    [
        Transaction.ZERO,
        *(pytest.param(one, marks=SLOW) for one in (Transaction.PLUS_ONE, Transaction.SWAPPED)),
    ],
)
def test_a_converter_that_does_not_copy_the_id_is_told_for_what_it_is(transaction: Transaction) -> None:
    port = TcpPort(SerialBus([Device(3)], 0.02), manners=Manners(transaction=transaction))
    with serve(port):
        ended = call("scan", port.url, "--first", "2", "--last", "4", "--json")
    rows = rows_of(ended)
    assert [row["unit_id"] for row in rows if "unit_id" in row] == [3]
    assert any(row.get("finding") == "foreign_id" for row in rows)


@pytest.mark.parametrize("by_rst", [False, True])
def test_a_gateway_that_hangs_up_after_each_answer_is_searched(by_rst: bool) -> None:
    port = TcpPort(SerialBus([Device(2)], 0.05), manners=Manners(hangs_up_after=1, by_rst=by_rst))
    with serve(port):
        rows = rows_of(call("scan", port.url, "--last", "3", "--json"))
    assert [row["unit_id"] for row in rows if "unit_id" in row] == [2]


@SLOW
@pytest.mark.parametrize("rtu", [False, True])
def test_behind_an_echo_the_meter_is_found_and_an_echo_alone_is_told(rtu: bool) -> None:
    with serve(TcpPort(SerialBus([Device(1)]), rtu=rtu, manners=Manners(echoes=True))) as (port,):
        assert found_at(port.url, "--first", "1", "--last", "1") == {1: SDM}
        ended = call("scan", port.url, "--first", "2", "--last", "2")
    assert ended.exit_code == 1
    assert "only our own bytes came back" in ended.stderr


@SLOW
def test_a_search_that_takes_long_says_so_and_offers_a_narrower_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioning.meters.scan.LONG_S", 1.0)
    with serve(TcpPort(SerialBus([Device(1)], 0.3))) as (port,):
        ended = call("scan", port.url, "--last", "4")
    assert "for each absent meter" in ended.stderr
    assert "--last 32" in ended.stderr


@pytest.mark.parametrize("unit", ["0", "255"])
def test_units_of_tcp_are_refused_on_a_serial_bus_in_one_line(unit: str) -> None:
    ended = call("scan", "rtu:/dev/nosuch", "--first", unit, "--last", unit)
    assert ended.exit_code == 2
    assert "0 and 255 are for TCP only" in ended.stderr
