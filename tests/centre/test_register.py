"""The register: it reads what it writes, and names the line that is wrong."""

import os
from pathlib import Path

import pytest

from centre.register import RegisterError, add_line, enrolment_line, read_register, statement_line
from evidence import keys
from evidence.statement import Enrolment, Rekey, sign_statement
from tests.evidence.chains import GATEWAY, Chain, secret

SECRET = bytes(range(32))
RECOVERY, FRESH = secret(0, "recovery"), secret(0, "fresh")


def test_the_register_reads_what_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "register"
    path.write_text(enrolment_line("gw-7", bytes(32)) + "\n" + enrolment_line("gw-8", bytes(31) + b"1"))
    keys_of = {name: entry.first_key for name, entry in read_register(path).items()}
    assert keys_of == {"gw-7": bytes(32), "gw-8": bytes(31) + b"1"}


@pytest.mark.parametrize(
    "text",
    [
        "{\n", "[]", "7", '{"gateway":"a"}', '{"gateway":"a/b","first_key":"00"}', '{"gateway":1}',
        '{"gateway":"a","first_key":"0"}', '{"gateway":"a","first_key":7}',
        enrolment_line("a", bytes(32)) + enrolment_line("a", bytes(31) + b"x"),
    ],
)  # fmt: skip
def test_a_wrong_register_names_the_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "register"
    path.write_text(enrolment_line("first", bytes(32)) + text)
    with pytest.raises(RegisterError, match=r"line [23]"):
        read_register(path)


@pytest.mark.parametrize("torn", ["{", '{"gateway": "a", "first', '{"gateway": "a"\0\0', "\0\0\0"])
def test_a_last_line_that_a_crash_tore_is_passed_over_and_the_next_takes_its_place(
    tmp_path: Path, torn: str
) -> None:
    path = tmp_path / "register"
    path.write_text(enrolment_line("first", bytes(32)) + torn)
    assert list(read_register(path)) == ["first"]
    add_line(path, enrolment_line("second", bytes(31) + b"x"))
    assert path.read_text() == enrolment_line("first", bytes(32)) + enrolment_line("second", bytes(31) + b"x")


@pytest.mark.parametrize(("content", "text"), [(None, "No such file"), (b"\xff\xfe", "not UTF-8 at byte 0")])
def test_a_register_that_cannot_be_read_says_so(tmp_path: Path, content: bytes | None, text: str) -> None:
    path = tmp_path / "register"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RegisterError, match=text):
        read_register(path)


def test_a_pipe_or_a_device_in_the_place_of_a_register_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        with pytest.raises(RegisterError, match="is no plain file"):
            read_register(tmp_path / name)


def test_a_register_keeps_statements_and_refuses_those_that_are_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "register"
    key = keys.public(secret(1))
    enrolment = sign_statement(Enrolment(GATEWAY, "", key, keys.public(RECOVERY), (), 0), SECRET)
    seal = Chain().seal()
    head = GATEWAY, seal.number + 1, seal.hash, seal.first_record + seal.count
    raw = sign_statement(Rekey(*head, keys.public(FRESH), 5, "lost"), RECOVERY)
    path.write_text(enrolment_line(GATEWAY, key), "utf-8")
    add_line(path, enrolment_line(GATEWAY, key, keys.public(RECOVERY), enrolment))
    add_line(path, statement_line(GATEWAY, raw))
    entry = read_register(path)[GATEWAY]
    assert (entry.recovery_key, entry.enrolment, entry.statements) == (
        keys.public(RECOVERY),
        enrolment,
        (raw,),
    )
    assert (entry.gateway, entry.first_key) == (GATEWAY, key)
    for line, says in (
        (statement_line("gw-9", raw), "which no line above enrols"),
        (enrolment_line("gw-8", key, keys.public(FRESH), enrolment), "does not fit its line"),
        (enrolment_line(GATEWAY, key), "another recovery key"),
        (enrolment_line(GATEWAY, keys.public(FRESH)), "another first key"),
        ('{"gateway": "gw-7", "statement": "00"}', "COSE_Sign1"),
    ):
        wrong = tmp_path / "wrong"
        wrong.write_text(path.read_text("utf-8").rstrip("\n"), "utf-8")
        add_line(wrong, line)
        with pytest.raises(RegisterError, match=f"line 4: .*{says}"):
            read_register(wrong)
