"""`dianjian hj212 send` and `dianjian-sim platform` as processes, over a kill."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from provisioning.cli import cli
from tests.agent.platforms.test_feed import SITE as PLATFORM
from tests.agent.rig import SITE
from tests.centre.hj212.plant import MN, PW, fill, write_hosts
from wire.platforms.credentials import Credentials, write_credentials

SINCE = "2026-01-01T12:00+00:00"


@contextmanager
def running(*call: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-m", *call], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=180)


@contextmanager
def platform(folder: Path, *habits: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    call = ("platform", "--credentials", str(folder / "h0.secret"), *habits)
    with running("firmware_sim.main", *call) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["listening"], process


@contextmanager
def platform_at(secret: Path) -> Iterator[str]:
    with running("firmware_sim.main", "platform", "--credentials", str(secret)) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["listening"]


def until(process: subprocess.Popen[str], count: int) -> list[dict[str, Any]]:
    """The lines of the platform up to so many different packets of data."""
    lines: list[dict[str, Any]] = []
    assert process.stdout is not None
    while len({line["qn"] for line in lines if line["what"] == "data"}) < count:
        lines.append(json.loads(process.stdout.readline()))
    return lines


def send(folder: Path) -> tuple[str, ...]:
    files = (
        "--store",
        folder / "centre.db",
        "--hosts",
        folder / "hosts.toml",
        "--queue",
        folder / "queue.db",
    )
    return ("provisioning.cli", "hj212", "send", *map(str, files), "--since", SINCE, "--json")


@pytest.mark.parametrize(
    ("habits", "more"),
    [
        pytest.param((), "", marks=pytest.mark.minutes),
        (("--crc", "modbus", "--ack", "9011-in-cp", "--pieces", "7"), 'crc = "modbus"'),
    ],
)
def test_readings_go_from_the_store_to_the_platform_and_a_kill_doubles_nothing(
    habits: tuple[str, ...], more: str, tmp_path: Path
) -> None:
    fill(tmp_path, 6)
    write_hosts(tmp_path, "127.0.0.1:1")
    with platform(tmp_path, *habits) as (address, served):
        write_hosts(tmp_path, address, more=f'{more}\nsend = ["real"]')
        with running(*send(tmp_path)) as process:
            first = until(served, 3)
            os.kill(process.pid, signal.SIGKILL)
        with running(*send(tmp_path)):
            lines = first + until(served, 12)
    data = [line for line in lines if line["what"] == "data"]
    assert {line["mn"] for line in data} == {MN}
    assert {line["backfill"] for line in data} == {True}  # of January
    assert len({(line["cn"], line["st"], line["region"]) for line in data}) == len(data)
    assert {line["detail"] for line in data} == {""}


def call(folder: Path, *arguments: str) -> Any:
    return CliRunner().invoke(cli, ["hj212", "send", *send(folder)[3:], *arguments])


MISTAKES = [
    ("edition = 2018", "host[0].edition: must be 2017 or 2025"),
    ('crc = "crc16"', "host[0].crc: must be one of"),
    ("real_s = 7000", "host[0].real_s"), ("pw = 1", "host[0].pw: unknown key"),
    ('[[host.code]]\nst = "44"\npoints = ["active_power"]\ncode = "d{role}05{facility}"', "source: missing"),
    ('[[host.code]]\nst = "4"\npoints = ["active_power"]\ncode = "d-"\nsource = "x"', "host[0].code[0].st"),
    ('[[host.code]]\nst = "44"\npoints = ["active_power"]\ncode = "d30102"\nsource = "x"\nrole = "treatment"',
     "two meters have the code d30102"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_a_mistake_of_the_host_file_is_named_with_its_place(more: str, said: str, tmp_path: Path) -> None:
    text = more if not more.startswith("edition") else "real_s = 60"
    write_hosts(tmp_path, "127.0.0.1:1", edition=2018 if more.startswith("edition") else 2025, more=text)
    shown = call(tmp_path)
    assert shown.exit_code == 2
    assert said in shown.output
    assert "Traceback" not in shown.output


def test_credentials_that_others_may_read_are_refused_and_not_shown(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    write_hosts(tmp_path, "127.0.0.1:1")
    (tmp_path / "h0.secret").chmod(0o644)
    shown = call(tmp_path)
    assert shown.exit_code == 2
    assert "chmod 600" in shown.output
    assert "246810" not in shown.output


def check(folder: Path, *more: str, lang: str = "en") -> Any:
    hosts = str(folder / "hosts.toml")
    return CliRunner().invoke(
        cli, ["--lang", lang, "hj212", "check", "h0", "--hosts", hosts, "--seconds", "1", *more]
    )


def test_a_conversation_is_shown_in_words_and_nothing_is_delivered(tmp_path: Path) -> None:
    write_hosts(tmp_path, "127.0.0.1:1")
    habits = ("--command", "1011,31,", "--command", "1012,31,SystemTime=20200101000000")
    with platform(tmp_path, *habits) as (address, served):
        write_hosts(tmp_path, address)
        shown = check(tmp_path)
        assert shown.exit_code == 0, shown.output
        assert "→ heartbeat (CN 9015)" in shown.output
        assert "← answer to a notice (CN 9013)" in shown.output
        assert "SystemTime=" in shown.output
        assert "the platform wanted the clock set to 20200101000000: not done" in shown.output
        assert "246810" not in shown.output
        chinese = check(tmp_path, lang="zh")
        assert "→ 心跳（CN 9015）" in chinese.output
        assert "平台有应答" in chinese.output
        lines = [json.loads(line) for line in check(tmp_path, "--json").stdout.splitlines()]
        assert [line["cn"] for line in lines[:2]] == ["9015", "9013"]
        served.terminate()
        assert served.stdout is not None
        assert "data" not in json.loads(served.stdout.read().splitlines()[-1])["ended"]


def test_a_gateway_s_platform_is_checked_by_its_site_file(tmp_path: Path) -> None:
    write_credentials(tmp_path / "city.secret", Credentials(PW))
    site = tmp_path / "site.toml"
    words = ["--lang", "en", "hj212", "check", "city", "--seconds", "1"]
    with platform_at(tmp_path / "city.secret") as address:
        site.write_text(SITE + PLATFORM.replace("127.0.0.1:1", address), "utf-8")
        shown = CliRunner().invoke(cli, [*words, "--site", str(site)])
        assert shown.exit_code == 0, shown.output
        assert "← answer to a notice (CN 9013)" in shown.output
    site.write_text(SITE + PLATFORM.replace('id = "mt"\nrole', 'id = "m9"\nrole'), "utf-8")
    wrong = CliRunner().invoke(cli, [*words, "--site", str(site)])
    assert (wrong.exit_code, "no meter 'm9'" in wrong.output) == (2, True)
    for both in ([], ["--site", str(site), "--hosts", str(site)]):
        said = CliRunner().invoke(cli, [*words, *both])
        assert (said.exit_code, "needs either --hosts" in said.output) == (2, True)


def test_a_check_takes_no_mn_and_a_wrong_password_is_named(tmp_path: Path) -> None:
    write_hosts(tmp_path, "127.0.0.1:1")
    (tmp_path / "other.secret").write_text('pw = "000000"\n')
    with platform(tmp_path, "--command", "1002,91,i23005-Info=000000000000000000000001") as (address, _):
        write_hosts(tmp_path, address)
        shown = check(tmp_path)
        assert "a check takes no MN" in shown.output
        assert "ExeRtn" not in shown.output.partition("a check takes")[2]
    with running("firmware_sim.main", "platform", "--credentials", str(tmp_path / "other.secret")) as process:
        assert process.stdout is not None
        write_hosts(tmp_path, json.loads(process.stdout.readline())["listening"])
        assert "QnRtn 3: wrong password" in check(tmp_path).output


def test_a_host_that_is_not_there_ends_with_3_and_one_that_is_unknown_with_2(tmp_path: Path) -> None:
    write_hosts(tmp_path, "127.0.0.1:1")
    assert check(tmp_path).exit_code == 3
    assert "no connection" in check(tmp_path).output
    unknown = CliRunner().invoke(cli, ["hj212", "check", "h9", "--hosts", str(tmp_path / "hosts.toml")])
    assert (unknown.exit_code, "there are h0" in unknown.output) == (2, True)
    assert check(tmp_path, "--mn", "0" * 24).exit_code == 2
