"""A data logger and a platform of HJ 212 are set up at the keyboard or from a file; nothing else is lost."""

import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve

from agent.site.file import load_site
from agent.site.platforms import read_platforms
from disk.wide_text import count_columns
from drivers.hj212.encoding import encode
from provisioning.journal.entries import BusFound, MeterFound
from provisioning.journal.file import JOURNAL_NAME, save_journal
from tests.agent.test_logger_loop import free_port
from tests.centre.hj212.plant import PW
from tests.drivers.hj212.packets import MN
from tests.drivers.hj212.test_receiver import DATA
from tests.provisioning.hj212.test_listen import calling
from tests.provisioning.hj212.test_send import platform_at
from tests.provisioning.setup.keyboard import Keyboard
from tests.provisioning.setup.plants import begun, events, journal_up_to, kept, setup, told
from wire.platforms.credentials import Credentials, read_credentials, write_credentials

LATER = evolve(DATA, qn="20260302083200001", region=DATA.region.replace("083000", "083200"))
"""Two minutes after DATA."""
KEY: Final = b"0123456789abcdef"


def logger_of(folder: Path) -> tuple[str | None, str, float | None, str]:
    (one,) = [meter for meter in kept(folder).meters if meter.fast_s is not None]
    return one.address, one.model, one.fast_s, one.credentials


def test_the_first_packet_of_a_logger_is_shown_in_words_and_its_key_is_in_its_file_alone(
    tmp_path: Path,
) -> None:
    folder, port = begun(tmp_path / "f", "loggers"), free_port()
    raws = (b"GET / HTTP/1.1\r\n\r\n", *[encode(DATA, key=KEY)] * 3)  # it is sent again until it is answered
    call = ("--lang", "zh", "setup", "loggers", "--folder", str(folder))
    with Keyboard(*call, size=(80, 24)) as keys, calling(port, *raws) as answers:
        keys.answer("数采仪连接本机的哪个地址和端口（- 为没有数采仪） [-]", "gateway:9001")
        keys.until("须为本机的 IP 地址和端口")
        keys.answer("数采仪连接本机的哪个地址和端口", f"１２７.0.0.1：{port}")
        keys.until("第 0 字节：拒绝：不是数据包")
        for typed in ("f" * 32, KEY.decode()):
            keys.until("已加密，现有密钥无法解开")
            keys.until("> ")
            keys.type("1234")
            keys.until("密钥须为 32 位十六进制数字或 16 个字符")
            keys.until("> ")
            keys.type(typed)
        keys.until(f"数采仪 {MN}（127.0.0.1）发来的第一个数据包：")
        keys.until("二氧化硫：35.2 mg/m3（a21026-Rtd），正常（N）")
        keys.answer("型号（hj212-air 废气，hj212-water 废水） [hj212-air]", "hj212")
        keys.until("没有型号 'hj212'；有：hj212-air, hj212-water")
        keys.answer("型号")
        keys.answer("分析仪编号 [cems1]", "m1")
        keys.until("'m1' 已被使用")
        keys.answer("分析仪编号 [cems1]", "<")
        keys.answer("型号")
        keys.answer("分析仪编号 [cems1]")
        keys.answer("cems1 每隔多少秒发送实时数据")
        keys.answer("继续等待其他数采仪吗（是/否） [否]")
        keys.answer("只接受来自 127.0.0.1 的连接（是/否） [是]")
        assert keys.ended() == 0
    assert answers in ([b""], [])
    assert logger_of(folder)[:2] == (MN, "hj212-air")
    assert logger_of(folder)[3] == "state/cems1.secret"
    secret = folder / "state/cems1.secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert read_credentials(secret) == Credentials("246810", (KEY,))
    site = load_site(folder / "site.toml")
    assert {one.id: one.url for one in site.bus}[
        "loggers"
    ] == f"hj212+listen://127.0.0.1:{port}?from=127.0.0.1"
    assert [one.model for one in site.meter if one.address == MN] == ["hj212-air"]
    shown = [line for line in keys.screen.splitlines() if "CN 2011" in line or "：35.2" in line]
    assert all(count_columns(line) <= 80 for line in shown)
    assert KEY.decode() not in keys.screen + site.text
    assert "246810" not in keys.screen + site.text


def test_for_scripts_the_interval_is_that_of_the_data_and_two_meters_stay(tmp_path: Path) -> None:
    folder, port = begun(tmp_path / "f", "loggers"), free_port()
    answers = f'[logger]\nlisten = "127.0.0.1:{port}"\nmn = ["{MN}"]\nonly = false\n'
    raws = (encode(LATER), encode(evolve(LATER, qn="20260302083205001")), encode(DATA))
    with calling(port, b"".join(raws)):
        ended = setup(folder, "loggers", "--json", answers=answers)
    assert ended.exit_code == 0, ended.output
    (event,) = [one for one in events(ended) if one["event"] == "logger"]
    assert (event["mn"], event["model"], event["host"]) == (MN, "hj212-air", "127.0.0.1")
    assert logger_of(folder) == (MN, "hj212-air", 120.0, "")
    assert [one.id for one in load_site(folder / "site.toml").meter] == ["m1", "m2", "cems1"]
    without = setup(folder, "loggers", answers='[logger]\nlisten = "-"\n')
    assert without.exit_code == 0, without.output
    assert [one.id for one in load_site(folder / "site.toml").meter] == ["m1", "m2"]


BAD_LOGGERS: Final[tuple[tuple[str, int, str], ...]] = (
    ('listen = "9001"', 2, "logger.listen: must be an IP address of this machine and a port"),
    ('listen = "127.0.0.1:{free}"\nkey_file = "{folder}/none"', 2, "logger.key_file: "),
    ('listen = "127.0.0.1:{free}"\nkey_file = "{folder}/bad"', 2, "logger.key_file: a key is 32 hexadecimal"),
    ('listen = "127.0.0.1:{taken}"', 3, "already in use"),
    ('listen = "127.0.0.1:{free}"\nwait_s = 1', 1, "no real time data of a data logger came to 127.0.0.1:"),
)


@pytest.mark.parametrize(("text", "code", "line"), BAD_LOGGERS)
def test_what_is_wrong_with_the_answers_about_a_logger_is_one_line(
    text: str, code: int, line: str, tmp_path: Path
) -> None:
    folder = begun(tmp_path / "f", "loggers")
    (tmp_path / "bad").write_text("12", "ascii")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"free": free_port(), "taken": taken.getsockname()[1], "folder": tmp_path}
        ended = setup(folder, "loggers", answers="[logger]\n" + text.format(**places))
    assert ended.exit_code == code
    assert len(told(ended)) == 1
    assert line in told(ended)[0]
    assert "loggers" not in kept(folder).steps


def host_of(folder: Path) -> Callable[[str], object]:
    """The platforms as the agent reads them, by name."""
    site = load_site(folder / "site.toml")
    hosts, problems = read_platforms(site.hj212, "g1", [one.id for one in site.meter], site.path)
    assert problems == []
    return {one.name: one for one in hosts}.__getitem__


def test_a_platform_is_named_at_the_keyboard_and_answers_in_words(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "platforms")
    write_credentials(tmp_path / "city", Credentials(PW))
    with (
        platform_at(tmp_path / "city") as address,
        Keyboard("setup", "platforms", "--folder", str(folder), size=(80, 24)) as keys,
    ):
        keys.answer("Name of a platform", "the city")
        keys.until("must be letters, digits, - and _")
        keys.answer("Name of a platform", "city")
        keys.answer("Its address and port", "10.1.2.3")
        keys.until("must be address:port without a password")
        keys.answer("Its address and port", address)
        keys.answer("Edition of the standard there [1]")
        for typed in ("12", PW, ""):
            keys.until("> ")
            keys.type(typed)
        keys.answer("MN, 24 letters and digits", "123")
        keys.until("an MN has 24 letters and digits, not 3: '123'")
        keys.answer("MN, 24 letters and digits", MN)
        keys.answer("What is monitored there [1]", "<")
        keys.answer(f"MN, 24 letters and digits [{MN}]")
        keys.answer("What is monitored there [1]")
        keys.answer("the facility that m1 (p1 plating) measures (- not to send it) [1]", "-")
        keys.answer("the facility that m2 (t1 scrubber) measures (- not to send it) [1]", "2")
        keys.answer("working condition of m2", "99102")
        keys.until("must be a letter and five digits")
        keys.answer("working condition of m2", "p99102")
        keys.answer("m2 counts as running from (kW) [2.2]", "0.5 kW")
        keys.until("heartbeat")
        keys.until("answer to a notice")
        keys.until("the platform city answers")
        keys.answer("Name of a platform")
        assert keys.ended() == 0
    assert PW not in keys.screen + (folder / "site.toml").read_text("utf-8")
    host = host_of(folder)("city")
    assert getattr(host, "credentials") == folder / "state/city.secret"  # noqa: B009
    (station,) = host.stations  # type: ignore[attr-defined]
    (meter,) = station.meters
    assert (station.mn, meter.id, meter.facility, meter.condition, meter.running_w) == (
        MN,
        "m2",
        2,
        "p99102",
        500,
    )


def begun_with_two_analysers(folder: Path) -> Path:
    journal = journal_up_to("platforms")
    named = (("cems1", MN), ("cems2", MN[::-1]))
    loggers = (MeterFound(id_, "loggers", address=mn, model="hj212-air", fast_s=60.0) for id_, mn in named)
    buses = (*journal.buses, BusFound("loggers", "hj212+listen://127.0.0.1:9001"))
    begun(folder, "platforms")
    save_journal(folder / JOURNAL_NAME, evolve(journal, buses=buses, meters=(*journal.meters, *loggers)))
    return folder


def test_of_two_analysers_one_is_sent_under_an_mn(tmp_path: Path) -> None:
    folder = begun_with_two_analysers(tmp_path / "f")
    place = f"127.0.0.1:{free_port()}"
    typed = ("city", place, "", PW, "", MN, "", "-", "-", "2", "keep", "")
    ended = setup(folder, "platforms", given="".join(f"{one}\n" for one in typed))
    assert ended.exit_code == 0, ended.output
    (station,) = host_of(folder)("city").stations  # type: ignore[attr-defined]
    assert [one.id for one in station.meters] == ["cems2"]


def test_a_platform_that_no_site_file_can_have_is_not_kept(tmp_path: Path) -> None:
    folder = begun_with_two_analysers(tmp_path / "f")
    write_credentials(tmp_path / "city", Credentials(PW))
    head = f'[[platform]]\nname = "city"\naddress = "127.0.0.1:9"\nmn = "{MN}"\ncheck = false\n'
    meters = "".join(f'[[platform.meter]]\nid = "{one}"\n' for one in ("cems1", "cems2"))
    ended = setup(folder, "platforms", answers=f'{head}secret_file = "{tmp_path / "city"}"\n{meters}')
    assert ended.exit_code == 2
    assert "two meters have the code" in told(ended)[0]
    assert kept(folder).platforms == ()
    assert setup(folder, "thresholds", answers="").exit_code == 0
