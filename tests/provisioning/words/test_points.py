"""Points and models in Chinese: every quantity and every shipped model has its words."""

import pytest
from click.testing import CliRunner

from drivers.points.model import load, names
from drivers.reading import Quantity
from provisioning.cli import cli
from provisioning.words.points import QUANTITIES, explain_point
from tests.counterparts.bus import SerialBus
from tests.counterparts.device import Device, lacking
from tests.counterparts.ports import TcpPort, serve

MODEL = "eastron-sdm630"


def call(language: str, *arguments: str) -> str:
    return CliRunner().invoke(cli, ["--lang", language, *arguments], prog_name="dianjian").output


def test_every_quantity_is_named_in_both_languages() -> None:
    assert set(QUANTITIES) == set(Quantity)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("voltage_l1", "L1电压"),
        ("voltage_l12", "L12电压"),
        ("active_power", "有功功率"),
        ("current_n", "N电流"),
        ("nh3_n", "氨氮"),
        ("voltage_of_spare", ""),
        ("power", ""),
        ("voltage_exponent", "电压的比例指数"),
        ("cover_openings", "开盖次数"),
    ],
)
def test_a_point_is_explained_in_chinese_as_far_as_its_name_says(name: str, told: str) -> None:
    assert (explain_point(name).zh, explain_point(name).en) == (told, "")


def test_every_point_of_the_shipped_models_is_explained() -> None:
    points = {point.name for name in names() for point in load(name).points}
    assert [one for one in sorted(points) if not explain_point(one).zh] == []


def test_what_is_read_and_what_is_not_is_told_in_chinese_beside_the_names() -> None:
    device = Device(1, missing=lacking((0x3E, 0x3F), 2))
    with serve(TcpPort(SerialBus([device], side_by_side=True))) as (port,):
        chinese, english = (call(one, "read", port.url, "--model", MODEL) for one in ("zh", "en"))
    lines = {line.split()[0]: line.split()[-1] for line in chinese.splitlines() if line}
    assert (lines["voltage_l2"], lines["active_power"]) == ("L2电压", "有功功率")
    assert "power_factor 功率因数" in chinese
    assert "voltage_l2" in english
    assert english.isascii()


def test_models_are_listed_with_whole_names_and_what_they_are() -> None:
    chinese, english = call("zh", "models"), call("en", "models")
    assert all(name in chinese and name in english for name in names())
    assert "三相" in chinese
    assert "three-phase" in english
