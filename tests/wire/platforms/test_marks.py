"""A mark that a data logger gave its value goes on to the platforms."""

from pathlib import Path

import pytest

from tests.centre.hj212.plant import HOST, MN, NOON_MS, PW
from wire.platforms.credentials import Credentials, write_credentials
from wire.platforms.hosts import read_hosts
from wire.platforms.intervals import Maker

SITE = HOST.partition("[[host.station.meter]]")[0] + '[[host.station.meter]]\nid = "cems"\n'


def maker(folder: Path, st: str) -> Maker:
    write_credentials(folder / "city.secret", Credentials(PW))
    text = SITE.format(name="city", address="127.0.0.1:9001", edition=2025, more='send = ["minute"]', mn=MN)
    file = folder / "hosts.toml"
    file.write_text(text.replace(f'mn = "{MN}"', f'mn = "{MN}"\nst = "{st}"'), "utf-8")
    (host,) = read_hosts(file)
    return Maker(host, NOON_MS)


@pytest.mark.parametrize(
    ("st", "point", "marks", "wanted"),
    [
        ("31", "so2", "NNNNNNNNNN", "N"),
        ("31", "so2", "NNNNNNNNCC", "N"),
        ("31", "so2", "NNNNNNNCCC", "C"),
        ("31", "so2", "NCCMMMNNNN", "M"),
        ("31", "so2", "??????????", "N"),
        ("32", "cod", "NNNNNNNNNC", "C"),
    ],
)
def test_an_interval_has_the_analysers_mark_where_too_few_values_are_normal(
    st: str, point: str, marks: str, wanted: str, tmp_path: Path
) -> None:
    made = maker(tmp_path, st)
    for minute, mark in enumerate(marks):
        values = {point: 30.0, f"{point}_mark": mark}
        line = {"gateway": "gw-7", "meter": "cems", "quality": "good", "values": values}
        made.add(line, NOON_MS + minute * 60_000, 1)
    (packet,) = made.close(lambda *_: True, 0)
    assert packet.region.endswith(f"-Flag={wanted}")
