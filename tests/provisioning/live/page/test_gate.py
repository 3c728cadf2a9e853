"""The password of the page: kept so that nobody learns it, asked for so that nobody guesses it."""

import stat
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.declaring.passwords import (
    PEERS_MAX,
    WAIT_LONGEST_S,
    Password,
    PasswordError,
    _scrypt,
    read_password,
    write_password,
)
from provisioning.live.page.gate import KNOWN_MAX, Gate, parse_password

RIGHT = "correct horse 电监"


def basic(password: str, name: str = "dianjian") -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture
def gate() -> Gate:
    """With a scrypt that takes no time."""
    return Gate(Password(2, 1, 1, b"s" * 16, _scrypt(RIGHT.encode(), b"s" * 16, 2, 1, 1)))


def test_a_password_is_kept_as_its_hash_in_a_file_of_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "page.password"
    write_password(file, RIGHT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"horse" not in file.read_bytes()
    assert read_password(file).matches(RIGHT.encode())
    assert not read_password(file).matches(b"wrong horse")
    kept = file.read_bytes()
    write_password(file, RIGHT)
    assert file.read_bytes() != kept, "another salt"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("password", ["", "short", "九个字的密码不够长", "x" * 201])
def test_a_password_that_can_be_guessed_is_not_kept(tmp_path: Path, password: str) -> None:
    with pytest.raises(PasswordError, match="10 characters or more"):
        write_password(tmp_path / "p", password)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("scrypt$16384$8$5$" + "00" * 16 + "$" + "00" * 32, 0o640, "others can read it"),
        ("scrypt$16384$8$5$" + "00" * 16 + "$" + "00" * 32, 0o604, "others can read it"),
        ("hunter2", 0o600, "keeps no password"),
        ("", 0o600, "keeps no password"),
        ("scrypt$16384$8$5$00$00", 0o600, "keeps no password"),
        ("scrypt$1000$8$5$" + "00" * 16 + "$" + "00" * 32, 0o600, "cannot be used"),
        ("scrypt$8388608$99$5$" + "00" * 16 + "$" + "00" * 32, 0o600, "cannot be used"),
        ("scrypt$16384$8$0$" + "00" * 16 + "$" + "00" * 32, 0o600, "cannot be used"),
        ("\xe9" * 2000, 0o600, "keeps no password"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_told_in_one_line(
    tmp_path: Path, text: str, mode: int, says: str
) -> None:
    file = tmp_path / "page.password"
    file.write_text(text, "latin-1")
    file.chmod(mode)
    with pytest.raises(PasswordError, match=says) as told:
        read_password(file)
    assert str(file) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PasswordError, match="No such file"):
        read_password(tmp_path / "nosuch")
    with pytest.raises(PasswordError, match="No such file"):
        write_password(tmp_path / "nosuch/file", RIGHT)


def test_the_right_password_is_known_from_then_on_whatever_the_name(gate: Gate) -> None:
    assert not gate.knows(basic(RIGHT))
    assert gate.admits(basic(RIGHT), "192.168.8.9", 0.0)
    assert gate.knows(basic(RIGHT))
    assert not gate.knows(basic(RIGHT, "other"))
    assert gate.admits(basic(RIGHT, "other"), "192.168.8.9", 0.0)


def test_wrong_passwords_wait_longer_each_time_and_only_where_they_came_from(gate: Gate) -> None:
    now_s, waits = 100.0, []
    for _ in range(9):
        assert not gate.admits(basic("wrong"), "192.168.8.9", now_s)
        waits.append(gate.wait_s("192.168.8.9", now_s))
        now_s += waits[-1]
        assert gate.wait_s("192.168.8.9", now_s) == 0
    assert waits == [1, 2, 4, 8, 16, 32, WAIT_LONGEST_S, WAIT_LONGEST_S, WAIT_LONGEST_S]
    assert gate.wait_s("192.168.8.10", now_s - 1) == 0
    assert gate.wait_s("::ffff:192.168.8.9", now_s - 1) == 1, "the same address, said otherwise"


def test_the_right_password_ends_the_wait(gate: Gate) -> None:
    gate.admits(basic("wrong"), "10.0.0.1", 0.0)
    gate.admits(basic("wrong"), "10.0.0.1", 2.0)
    assert gate.admits(basic(RIGHT), "10.0.0.1", 5.0)
    gate.admits(basic("wrong"), "10.0.0.1", 6.0)
    assert gate.wait_s("10.0.0.1", 6.0) == 1


def test_who_owns_many_ipv6_addresses_is_one_person(gate: Gate) -> None:
    gate.admits(basic("wrong"), "2001:db8::1", 0.0)
    assert gate.wait_s("2001:db8::ffff:1", 0.0) == 1
    assert gate.wait_s("2001:db8:0:1::1", 0.0) == 0
    assert gate.wait_s("fe80::1%eth0", 0.0) == 0


def test_what_is_remembered_has_an_end(gate: Gate) -> None:
    for number in range(PEERS_MAX + 50):
        gate.admits(basic("wrong"), f"10.0.{number // 250}.{number % 250}", 0.0)
    assert len(gate._waits._until) == PEERS_MAX
    for number in range(KNOWN_MAX + 5):
        gate.admits(basic(RIGHT, str(number)), "10.0.0.1", 0.0)
    assert len(gate._known) == KNOWN_MAX


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Bearer abc",
        "Basic " + b64encode(b"nocolon").decode(),
        basic("x" * 300),
        "Basic \xff",
    ],
)
def test_a_header_without_a_password_is_no_password(header: str, gate: Gate) -> None:
    assert parse_password(header) is None
    assert not gate.admits(header, "10.0.0.1", 0.0)


@given(st.text(max_size=60))
def test_whatever_header_comes_opens_nothing(header: str) -> None:
    gate = Gate(Password(2, 1, 1, b"s" * 16, _scrypt(b"a long secret one", b"s" * 16, 2, 1, 1)))
    assert not gate.knows(header)
    assert not gate.admits(header, header, 0.0)
    assert not gate.knows(header)
