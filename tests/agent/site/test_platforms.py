"""`[[hj212]]` of the site file: every mistake has a line with its place, and no secret can stand there."""

from pathlib import Path

import pytest

from agent.main import main
from agent.site.file import parse_site
from agent.site.platforms import read_platforms
from disk.tables import TableError
from tests.agent.platforms.test_feed import SITE as PLATFORM
from tests.agent.rig import SITE

GOOD = SITE + PLATFORM


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(TableError) as caught:
        parse_site(text, Path("site.toml"))
    return caught.value.problems


def test_a_station_is_of_this_gateway_and_the_credentials_lie_beside_the_site_file(tmp_path: Path) -> None:
    site = parse_site(GOOD, tmp_path / "site.toml")
    ((host,), problems) = read_platforms(site.hj212, "g1", ["mp", "mt"], site.path)
    assert problems == []
    assert (host.name, host.address, host.stations[0].gateway) == ("city", ("127.0.0.1", 1), "g1")
    assert host.credentials == tmp_path / "city.secret"


MISTAKES = [
    ('id = "mt"\nrole', 'id = "m9"\nrole', "hj212[0].station[0].meter: no meter 'm9'; known: mp, mt"),
    ("[[hj212.station]]", '[[hj212.station]]\ngateway = "g2"', "hj212[0].station[0].gateway: a station here"),
    ('address = "127.0.0.1:1"', 'address = "city"', "hj212[0].address: must be host:port"),
    ('name = "city"', 'name = "city"\npw = "246810"', "hj212[0].pw: unknown key"),
    ('credentials = "city.secret"', "", "hj212[0].credentials: missing"),
    ("minute_min = 5", "minute_min = 7", "hj212[0].minute_min: must be a part of an hour"),
    ('condition = "p99102"', 'condition = "99102"', "meter[0].condition: must be a letter"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "said"), MISTAKES, ids=[said for *_, said in MISTAKES])
def test_a_mistake_is_named_with_its_place(good: str, bad: str, said: str) -> None:
    before, found, after = GOOD.rpartition(good)
    assert found
    assert any(said in one for one in problems_of(before + bad + after))


def test_two_platforms_of_one_name_and_more_than_sixteen_are_refused() -> None:
    assert "hj212: two are called city" in problems_of(GOOD + PLATFORM)
    many = "".join(PLATFORM.replace('"city"', f'"h{n}"') for n in range(17))
    assert "hj212: at most 16, not 17" in problems_of(SITE + many)


def test_the_agent_s_check_names_a_mistake_in_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.toml"
    file.write_text(GOOD.replace('id = "mt"\nrole', 'id = "m9"\nrole'), "utf-8")
    assert main(["check", "--config", str(file), "--lang", "en"]) == 2
    assert "no meter 'm9'; known: mp, mt" in capsys.readouterr().err
    assert main(["check", "--config", str(file), "--lang", "zh"]) == 2
    assert "没有电表 'm9'；已有：mp, mt" in capsys.readouterr().err
