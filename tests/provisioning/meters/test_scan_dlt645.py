"""`dianjian scan` on a DL/T 645 line: which baud rates it tries, and what it says where nobody is."""

import json

import click
import pytest
from click.testing import CliRunner

from drivers.clock import SystemClock
from drivers.dlt645.bus import Dlt645Bus
from drivers.poll.bus import open_bus
from firmware_sim.dlt645_frames import answer_frame
from provisioning.cli import cli
from provisioning.meters.scan_dlt645 import BAUDRATES, scan_bus, urls_to_try
from tests.counterparts.bus import SerialBus
from tests.counterparts.device import SILENT
from tests.counterparts.dlt645 import Dlt645Device, Dlt645Stream
from tests.counterparts.ports import TcpPort, serve
from tests.drivers.dlt645.test_bus import METER, Line, on_pty


@pytest.mark.parametrize(
    ("url", "tried"),
    [
        ("dlt645:/dev/ttyS1", [f"dlt645:/dev/ttyS1?baudrate={baudrate}" for baudrate in BAUDRATES]),
        (
            "dlt645:/dev/ttyS1?parity=N",
            [f"dlt645:/dev/ttyS1?baudrate={baudrate}&parity=N" for baudrate in BAUDRATES],
        ),
        ("dlt645:/dev/ttyS1?baudrate=1200", ["dlt645:/dev/ttyS1?baudrate=1200"]),
        ("dlt645+tcp://10.0.0.7:4001", ["dlt645+tcp://10.0.0.7:4001"]),
    ],
)
def test_a_line_that_does_not_say_its_baud_rate_is_tried_at_the_usual_ones(
    url: str, tried: list[str]
) -> None:
    assert urls_to_try(url) == tried


def the_line(line: Line) -> Dlt645Bus:
    bus = open_bus(line.url.partition("?")[0], SystemClock())
    assert isinstance(bus, Dlt645Bus)
    return bus


def test_where_nobody_answers_one_line_says_what_was_tried(capsys: pytest.CaptureFixture[str]) -> None:
    with on_pty(lambda _line, _request, _number: None) as served:
        with pytest.raises(click.exceptions.Exit) as ended:
            scan_bus(the_line(served), as_json=True)
        assert [request.address for request in served.asked] == ["A" * 12] * 4
    assert ended.value.exit_code == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "no DL/T 645 meter answers at 2400, 9600, 4800, 1200 baud" in told.err
    assert len(told.err.splitlines()) == 1


def test_the_search_ends_where_somebody_answers_and_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    def second_rate(line: Line, request: object, number: int) -> None:
        del request
        if number == 2:
            line.send(answer_frame(METER, 0x11, bytes.fromhex("01 04 00 04") + bytes.fromhex(METER)[::-1]))

    with on_pty(second_rate) as served:
        scan_bus(the_line(served), as_json=True)
        url = served.url.partition("?")[0]
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "address": METER,
        "how": "answers",
        "model": "",  # it answers for its address and for nothing else
        "certain": False,
        "url": f"{url}?baudrate=9600",
    }


@pytest.mark.parametrize("says", [2, SILENT], ids=["error flags", "silent"])
def test_a_meter_of_three_phases_without_their_blocks_is_no_meter_of_one(says: int) -> None:
    meter = Dlt645Device("202611300007", has_blocks=False, block_says=says)
    port = TcpPort(SerialBus([meter]), stream=lambda: Dlt645Stream(0))
    with serve(port):
        ended = CliRunner().invoke(cli, ["scan", port.url, "--json"], prog_name="dianjian")
    assert json.loads(ended.stdout)["model"] == "dlt645-2007-3p", ended.output
