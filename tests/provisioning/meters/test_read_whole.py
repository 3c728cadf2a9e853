"""`dianjian read` of a meter that keeps silent about a hole ends when all that it has is read."""

import json

import pytest
from click.testing import CliRunner

from drivers.points.model import load
from provisioning.cli import cli
from tests.counterparts.bus import SerialBus
from tests.counterparts.device import SILENT, Device, lacking
from tests.counterparts.ports import TcpPort, serve

MODEL = load("eastron-sdm630")
HERE = {at for point in MODEL.points for at in range(point.address, point.address + point.count)}


@pytest.mark.minutes
@pytest.mark.parametrize("code", [SILENT, 2], ids=["silent", "refused"])
@pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu over tcp"])
def test_every_point_beside_a_hole_is_read_by_one_call(code: int, rtu: bool) -> None:
    holes = lacking(set(range(0x100)) - HERE, code)
    with serve(TcpPort(SerialBus([Device(1, missing=holes)]), rtu=rtu)) as (port,):
        ended = CliRunner().invoke(cli, ["read", port.url, "--model", MODEL.name, "--json"])
    told = json.loads(ended.stdout)
    assert told["quality"] == "good"
    missing = {point.name for point in MODEL.points} - set(told["values"])
    assert missing == set(told.get("left_out", ())), "what is not read is named"
    assert not (missing and code), "a refusal is soon certain"
