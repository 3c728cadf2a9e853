"""`dianjian hj212 send` and `dianjian-sim logger` against a platform that knows nothing of ours
(`tests/js/hj212/platform.mjs`), over loopback."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.centre.hj212.plant import MN, PW, fill, write_hosts
from tests.drivers.hj212.second import Lines, node
from tests.provisioning.hj212.test_send import running, send
from wire.platforms.credentials import Credentials, read_credentials, write_credentials

KEY: Final = b"0" * 16
NEW_KEY: Final = b"9" * 16
NEW_MN: Final = "000000000000000000000001"
MINUTES: Final = 3
KINDS: Final = {("44", "2011"), ("45", "2011"), ("31", "2021")}
"""ST and CN of what goes out each minute."""
PACKETS: Final = len(KINDS) * MINUTES
LOGGER_S: Final = 120


@contextmanager
def platform(**settings: Any) -> Iterator[tuple[Lines, str]]:
    """A platform, and its address."""
    with node("platform.mjs") as lines:
        lines.tell(settings)
        yield lines, f"127.0.0.1:{lines.hear()['port']}"


def until(lines: Lines, event: str, count: int = 1) -> list[dict[str, Any]]:
    """What the platform says, up to so many of an event."""
    told: list[dict[str, Any]] = []
    while sum(one["event"] == event for one in told) < count:
        told.append(lines.hear())
    return told


def pick(told: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [one for one in told if one["event"] == event]


def until_data(lines: Lines, count: int) -> list[dict[str, Any]]:
    """Up to so many different packets of data."""
    told: list[dict[str, Any]] = []
    while len({one["qn"] for one in pick(told, "data")}) < count:
        told.append(lines.hear())
    return told


def is_data(packet: dict[str, Any]) -> bool:
    return packet["event"] == "packet" and int(packet["CN"]) < 9000


# What the platform does its own way, what the host file says of it, whether packets are encrypted.
SENT: list[Any] = [
    pytest.param(
        {
            "crc": "modbus", "ack": "9011-qn", "answer_flag": False, "time_after_each": True, "chunk": 7,
            "drop": [3], "form": "printed", "upper_only": True,
        },
        'crc = "modbus"\ncipher_form = "printed"', True, id="many deviations at once",
    ),
    *(
        pytest.param(habits, more, is_secret, id=name, marks=pytest.mark.minutes)
        for name, habits, more, is_secret in (
            ("as the standard has it", {}, "", False),
            ("silence", {"silent": [2, 3]}, "", False),
            ("swapped sum in small letters", {"crc": "modbus-swapped", "crc_lower": True},
             'crc = "modbus-swapped"', False),
            ("raw cipher", {}, "", True),
            ("9011 without a QN", {"ack": "9011-qn", "answer_qn": "missing"}, 'ack = "9011"', False),
            ("9011 with a QN of Unix", {"ack": "9011-qn", "answer_qn": "unix"}, "", False),
            ("heartbeats", {"ack": "9011"}, "heartbeat_s = 1", False),
            ("answers are plain", {"plain_answers": True}, "", True),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("habits", "more", "is_secret"), SENT)
def test_every_packet_comes_once_as_backfill_and_orders_are_carried_out(
    habits: dict[str, Any], more: str, is_secret: bool, tmp_path: Path
) -> None:
    fill(tmp_path, MINUTES)
    keys = [KEY.hex()] if is_secret else []
    with platform(keys=keys, **habits) as (lines, address):
        write_hosts(tmp_path, address, more=f'{more}\nsend = ["real"]')
        secret = tmp_path / "h0.secret"
        write_credentials(secret, Credentials(PW, (KEY,) if is_secret else ()))
        with running(*send(tmp_path)):
            told = until_data(lines, PACKETS)
            check_data(told, habits, is_secret)
            order_history(lines, MN, told)
            lines.tell({"do": "assign", "mn": MN, "pw": PW, "new": NEW_MN})
            assert until(lines, "done")[-1] | {"qn": ""} == done("1002")
            order_key(lines, secret)
            order_history(lines, NEW_MN, told, key=0)
            if "heartbeat_s" in more:
                until(lines, "sent", 2)
        assert not pick(told, "refused")


@pytest.mark.minutes
def test_2017_has_its_own_flag_and_no_conditions_and_no_mark_of_backfill(tmp_path: Path) -> None:
    fill(tmp_path, MINUTES)
    with platform() as (lines, address):
        write_hosts(tmp_path, address, edition=2017, more='send = ["real"]')
        with running(*send(tmp_path)):
            told = until_data(lines, MINUTES)
    data = [one for one in told if is_data(one)]
    assert {(one["ST"], one["CN"]) for one in data} == {("31", "2021")}
    assert {(one["Flag"], "RF" in one, len(one["odd"])) for one in data} == {("5", False, 0)}
    assert len({one["QN"] for one in data}) == len(data) == MINUTES


def done(cn: str) -> dict[str, Any]:
    return {"event": "done", "cn": cn, "qn": "", "qnRtn": "1", "exeRtn": "1"}


def check_data(told: list[dict[str, Any]], habits: dict[str, Any], is_secret: bool) -> None:
    data = [one for one in told if is_data(one)]
    assert {(one["MN"], one["RF"]) for one in data} == {(MN, "1")}
    assert {(one["ST"], one["CN"]) for one in data} == KINDS
    assert {json.dumps(one["odd"]) for one in data} == {"[]"}
    if is_secret:
        long = [one for one in data if one["ST"] == "44"]
        assert {one["cipher"] for one in long} == {habits.get("form", "raw")}
    contents = {one["QN"]: (one["ST"], json.dumps(one["items"])) for one in data}
    assert len(contents) == len(set(contents.values())) == PACKETS
    again = [one for one in pick(told, "data") if one["times"] > 1]
    assert len(again) == len(habits.get("drop", ())) + len(habits.get("silent", ()))
    if habits.get("time_after_each"):
        assert any(one["items"].get("QnRtn") == "2" for one in pick(told, "packet"))


def order_history(lines: Lines, mn: str, told: list[dict[str, Any]], key: int | None = None) -> None:
    """The voltages again, under the QN of the question."""
    sent = {json.dumps(one["items"]) for one in told if is_data(one) and one["ST"] == "44"}
    times = sorted(json.loads(one)["DataTime"] for one in sent)
    lines.tell({"do": "history", "mn": mn, "pw": PW, "st": "44", "begin": times[0], "end": times[-1]})
    heard = until(lines, "done")
    qn = heard[-1]["qn"]
    got = [one for one in heard if is_data(one) and one["QN"] == qn]
    assert {json.dumps(one["items"]) for one in got} == sent
    assert len(got) == len(sent) == MINUTES
    assert {one["MN"] for one in got} == {mn}
    if key is not None:
        assert {one["key"] for one in got} == {key}
    assert heard[-1] == done("2011") | {"qn": qn}


def order_key(lines: Lines, secret: Path) -> None:
    lines.tell(
        {
            "do": "renew",
            "mn": NEW_MN,
            "pw": PW,
            "key": NEW_KEY.hex(),
            "groups": [[["i23006-Info", NEW_KEY.hex()]]],
        }
    )
    assert until(lines, "done")[-1] | {"qn": ""} == done("1014")
    assert read_credentials(secret).key == NEW_KEY


# ---- the simulated logger

SHORT_MN: Final = "88888880000001"
LOWER: Final = {"CRC in small letters", "the CRC is in small letters"}
"""Only where it has a letter."""
LOGGERS: list[Any] = [
    pytest.param(
        ["--crc-lower", "--milliseconds", "--qn-unix", "--without", "flag", "--pieces", "7", "--long",
         "--cipher-form", "printed"], {"form": "printed"}, SHORT_MN,
        {"QN in Unix milliseconds", "MN is short", "Flag is missing", "CRC in small letters",
         "DataTime with milliseconds"}, set(), 3, id="many deviations at once",
    ),
    *(
        pytest.param(
            arguments, habits, MN, odd, reasons, data, id=" ".join(arguments), marks=pytest.mark.minutes
        )
        for arguments, habits, odd, reasons, data in (
            (["--edition", "2017"], {}, set(), set(), 5),
            (["--crc", "modbus"], {"crc": "modbus"}, set(), set(), 5),
            (["--crc", "modbus-swapped"], {"crc": "modbus-swapped"}, set(), set(), 5),
            (["--crc", "modbus", "--seed", "1"], {}, set(), {"the CRC does not fit"}, 0),
            (["--crc-lower"], {"upper_only": True}, set(), LOWER, 0),
            (["--without", "qn"], {}, {"QN is missing"}, set(), 5),
            (["--without", "st"], {}, set(), {"ST is missing"}, 0),
            (["--without", "pw"], {}, set(), {"PW is missing"}, 0),
            (["--line-end", "lf"], {}, set(), {"no CR LF"}, 0),
            (["--line-end", "none"], {}, set(), {"no CR LF"}, 0),
            (["--reorder"], {}, set(), {"MN stands twice or out of order"}, 0),
            (["--mark", "lost-contact"], {}, set(), set(), 5),
            (["--flaw", "half"], {}, set(), {"no closing && where the length says"}, 5),
            (["--flaw", "length"], {}, set(), {"no closing && where the length says"}, 5),
            (["--flaw", "crc"], {}, set(), {"the CRC does not fit"}, 5),
            (["--flaw", "noise"], {}, set(), {"the length is not four digits"}, 6),
            (["--flaw", "replay"], {}, set(), set(), 7),
            (["--flaw", "field-twice"], {}, set(), {"CN stands twice or out of order"}, 5),
            (["--flaw", "charset"], {}, set(), {"the CRC does not fit"}, 5),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "habits", "mn", "odd", "reasons", "data"), LOGGERS)
def test_each_habit_of_the_simulated_logger_is_read_or_named_by_the_other_platform(
    arguments: list[str], habits: dict[str, Any], mn: str, odd: set[str], reasons: set[str], data: int,
    tmp_path: Path,
) -> None:  # fmt: skip
    is_secret = "form" in habits
    count = 3 if is_secret else 5 + ("--flaw" in arguments)  # each fifth has it, and one comes behind
    secret = tmp_path / "secret"
    secret.write_text(f'pw = "{PW}"\n' + f'sm4_key = "{KEY.hex()}"\n' * is_secret)
    secret.chmod(0o600)
    with platform(keys=[KEY.hex()] if is_secret else [], **habits) as (lines, address):
        call = [sys.executable, "-m", "firmware_sim.main", "logger", address, "--credentials", str(secret)]
        more = ["--mn", mn, "--every", "0.02", "--count", str(count), *arguments]
        ended = subprocess.run([*call, *more], capture_output=True, text=True, timeout=LOGGER_S, check=True)
        told = until(lines, "closed")
    *answers, last = map(json.loads, ended.stdout.splitlines())
    packets = [one for one in told if is_data(one)]
    whole = pick(told, "joined") if "--long" in arguments else packets
    refused = [one["reason"] for one in pick(told, "refused")]
    if reasons == LOWER:
        assert len(whole) + len(refused) == count
    else:
        assert len(whole) == data
    assert odd - LOWER <= {name for one in packets for name in one["odd"]} <= odd
    assert reasons - LOWER <= set(refused)
    assert reasons or not refused
    assert len(answers) == len(packets)
    assert {one["cn"] for one in answers} <= {"9014"}
    assert last["sent"] >= count
    assert len({one["QN"] for one in packets if "QN" in one}) in {len(whole) - ("replay" in arguments), 0}
    assert {one["MN"] for one in packets} <= {mn}
