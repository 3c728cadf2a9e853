"""`dianjian hj212 decode`: packets of a capture and of a log in words, and refusals with their place."""

import json
from pathlib import Path

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from drivers.hj212.decoding import decode
from drivers.hj212.encoding import encode
from drivers.hj212.numbers import Command, ExecutionResult, RequestResult, System
from drivers.hj212.oddity import Odd, Wrong
from drivers.hj212.sm4 import CipherForm
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.pack.export import ExportedSeal, write_chain
from evidence.record import encode_reading
from provisioning.cli import cli
from provisioning.hj212.words import COMMANDS, EXECUTION_RESULTS, ODDITIES, REFUSALS, SYSTEMS
from provisioning.terminal.exits import EXIT_NO
from provisioning.words.platforms import REQUEST_RESULTS
from tests.drivers.hj212.packets import BACKFILL, GOLDEN, KEY, PHASES, TREATMENT
from tests.evidence.chains import GATEWAY, Chain, stamp
from tests.evidence.javascript import list_packets
from wire.platforms.credentials import Credentials, CredentialsError, read_credentials, write_credentials


def run(*arguments: object, lang: str = "en") -> Result:
    return CliRunner().invoke(cli, ["--lang", lang, "hj212", "decode", *map(str, arguments)])


def kept(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def chain_of(path: Path, *readings: Reading) -> Path:
    """An exported chain with these readings in its second seal, behind a heartbeat's."""
    chain = Chain()
    first, second = chain.seal(), chain.seal([encode_reading(one) for one in readings])
    with path.open("wb") as file:
        write_chain(file, GATEWAY, [ExportedSeal(one.cose, one.body) for one in (first, second)])
    return path


def reading_of(raw: bytes, quality: Quality = Quality.GOOD, reason: str = "") -> Reading:
    block = Block(212, 2011, raw)
    return Reading("cems", PollGroup.FAST, stamp(60), bytes(32), (block,), quality, reason)


def test_both_codecs_read_from_a_chain_what_was_sealed_and_where(tmp_path: Path) -> None:
    broken = TREATMENT.replace(b"0.20", b"0.21")
    file = chain_of(
        tmp_path / "chain",
        reading_of(PHASES),
        reading_of(BACKFILL, Quality.STALE, "sent later"),
        reading_of(broken),
    )
    shown = run(file, "--json")
    assert shown.exit_code == EXIT_NO
    told = [json.loads(line) for line in shown.stdout.splitlines()]
    assert "no signature is checked here: dianjian verify" in shown.stderr
    places = [(one["seal"], one["meter"], one["quality"], one["reason"]) for one in told if "seal" in one]
    assert places == [(2, "cems", "good", ""), (2, "cems", "stale", "sent later"), (2, "cems", "good", "")]
    packets = [one for one in told if "taken" in one]
    assert [one["taken"] for one in packets] == [True, True, False]
    second = list_packets(file)
    assert [[dict(map(tuple, group)) for group in one["groups"]] for one in second if "groups" in one] == [
        one["region"] for one in packets if one["taken"]
    ]
    assert len(second) == len(packets)
    assert "seal 2 · cems · " in run(file).output
    assert "246810" not in run(file).output  # the password


@pytest.mark.parametrize("form", CipherForm)
def test_an_encrypted_packet_of_a_chain_is_read_with_its_key_by_both_codecs(
    form: CipherForm, tmp_path: Path
) -> None:
    file = chain_of(tmp_path / "chain", reading_of(encode(decode(TREATMENT).packet, key=KEY, form=form)))
    assert [one["reason"] for one in list_packets(file)] == ["the CRC does not fit"]
    write_credentials(tmp_path / "secret", Credentials("246810", (KEY,)))
    (second,) = list_packets(file, KEY)
    shown = run(file, "--json", "--credentials", tmp_path / "secret")
    (packet,) = [one for one in map(json.loads, shown.stdout.splitlines()) if "taken" in one]
    assert [dict(map(tuple, group)) for group in second["groups"]] == packet["region"]
    unread = run(file)
    assert unread.exit_code == EXIT_NO
    assert "encrypted, and no key at hand opens it" in unread.output


def test_a_chain_that_breaks_off_says_so_in_a_line(tmp_path: Path) -> None:
    file = chain_of(tmp_path / "chain", reading_of(PHASES))
    file.write_bytes(file.read_bytes()[:-10])
    shown = run(file)
    assert shown.exit_code == EXIT_NO
    assert "chain: " in shown.stderr.splitlines()[-1]


def test_a_capture_is_told_packet_by_packet(tmp_path: Path) -> None:
    shown = run(kept(tmp_path / "capture", b"".join(GOLDEN)))
    assert shown.exit_code == 0
    assert shown.output.count("byte ") == len(GOLDEN)
    assert "real time data (CN 2011) · electricity (ST 44)" in shown.output
    assert "QnRtn 1: will be done" in shown.output
    assert "part 1 of 2" in shown.output
    assert "backfill" in shown.output
    assert shown.output.endswith("14 packets, 0 of them odd; 0 refused; 0 bytes are no packets\n")


def test_a_log_in_chinese_with_times_and_line_feeds_is_read(tmp_path: Path) -> None:
    log = b"".join(b"2026-03-02 08:30:00 recv %s\n" % frame.rstrip() for frame in GOLDEN)
    shown = run(kept(tmp_path / "log", log), lang="zh")
    assert shown.exit_code == 0
    assert f"{len(GOLDEN)} 个数据包" in shown.output
    assert "用电监控" in shown.output


def test_no_password_is_shown(tmp_path: Path) -> None:
    capture = kept(tmp_path / "capture", b"".join(GOLDEN))
    for more in ((), ("--json",)):
        shown = run(capture, *more).output
        assert "246810" not in shown
        assert "100000" not in shown


def test_what_is_refused_is_named_with_its_place_in_the_file(tmp_path: Path) -> None:
    bad = PHASES.replace(b"84.30", b"84.31")
    shown = run(kept(tmp_path / "capture", TREATMENT + bad + PHASES[:50] + TREATMENT))
    assert shown.exit_code == 1
    assert f"byte {len(TREATMENT) + len(bad) - 6}: refused: its check BE01 does not fit" in shown.output
    assert f"byte {len(TREATMENT) + len(bad)}: refused: half a packet" in shown.output
    assert "2 packets, 0 of them odd; 2 refused" in shown.output


def test_each_packet_is_an_object_for_scripts(tmp_path: Path) -> None:
    shown = run(kept(tmp_path / "capture", TREATMENT + PHASES.lower().replace(b"\r", b"")), "--json")
    first, second = map(json.loads, shown.output.splitlines())
    assert (first["cn"], first["region"][1]) == ("2011", {"d30102-Rtd": "229.80", "d30102-Flag": "N"})
    assert (second["taken"], second["why"]) == (False, "field")


@pytest.mark.parametrize("form", CipherForm)
def test_an_encrypted_packet_needs_its_credentials(form: CipherForm, tmp_path: Path) -> None:
    capture = kept(tmp_path / "capture", encode(decode(TREATMENT).packet, key=KEY, form=form))
    shown = run(capture)
    assert shown.exit_code == 1
    assert "--credentials" in shown.output
    secret = tmp_path / "city.secret"
    write_credentials(secret, Credentials("246810", (KEY,)))
    shown = run(capture, "--credentials", secret)
    assert shown.exit_code == 0
    assert "d30102-Rtd=229.80" in shown.output


def test_a_command_to_set_the_clock_is_called_never_obeyed(tmp_path: Path) -> None:
    packet = decode(GOLDEN[0]).packet
    frame = encode(evolve(packet, cn="1012", region="SystemTime=20260302083000"))
    assert "never obeyed" in run(kept(tmp_path / "capture", frame)).output


def test_a_file_without_packets_says_so(tmp_path: Path) -> None:
    shown = run(kept(tmp_path / "empty", b"nothing"))
    assert shown.exit_code == 1
    assert "there is no packet in" in shown.output


def test_every_oddity_and_every_refusal_has_its_text() -> None:
    assert set(ODDITIES) == {one.value for one in Odd}
    assert set(REFUSALS) == {one.value for one in Wrong}


CREDENTIALS = [
    ("", 0o600, "pw"), ('pw = "12345"', 0o600, "pw"), ('pw = "246810"\nsm4_key = "short"', 0o600, "sm4_key"),
    ('pw = "246810"\nsm4 = "x"', 0o600, "unknown key"), ('pw = "246810"', 0o644, "chmod 600"),
    ("pw = 246810", 0o600, "pw"), ('pw = "246810', 0o600, "no TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "mode", "said"), CREDENTIALS)
def test_credentials_are_read_strictly_and_never_shown(
    text: str, mode: int, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(CredentialsError, match=said) as refused:
        read_credentials(path)
    assert "246810" not in str(refused.value)


@pytest.mark.parametrize("key", ["30" * 16, "0" * 16])
def test_a_key_is_written_in_either_way(key: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f'pw = "246810"\nsm4_key = "{key}"\n')
    path.chmod(0o600)
    credentials = read_credentials(path)
    assert credentials.key == KEY
    write_credentials(path, credentials.renew(b"1" * 16))
    assert read_credentials(path).keys == (b"1" * 16, KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "246810" not in repr(credentials)


def test_every_number_that_we_know_has_its_text() -> None:
    assert set(SYSTEMS) == {one.value for one in System}
    assert set(COMMANDS) == {one.value for one in Command}
    assert set(REQUEST_RESULTS) == {one.value for one in RequestResult}
    assert set(EXECUTION_RESULTS) == {one.value for one in ExecutionResult}
