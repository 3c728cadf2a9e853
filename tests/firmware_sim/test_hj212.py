"""The simulated logger and platform against each other and the codec: every habit, every flaw."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers.hj212.crc import CrcKind
from drivers.hj212.decoding import decode
from drivers.hj212.oddity import Odd, PacketError, Wrong
from drivers.hj212.packet import Edition
from drivers.hj212.sm4 import CipherForm
from drivers.hj212.stream import Broken, Frame, Stream
from firmware_sim.logger_core import Flaw, Logger, LoggerHabits
from firmware_sim.main import main
from firmware_sim.platform_core import Event, Habits, Platform, PlatformAck, PlatformLink

MN = "D7A1EC0000000000000000F1"
PW = "246810"
KEY = b"0" * 16
UTC_MS = 1_772_411_400_000

HABITS = [
    (LoggerHabits(), set()), (LoggerHabits(edition=Edition.Y2017), set()),
    (LoggerHabits(crc=CrcKind.MODBUS), {Odd.CRC_KIND}),
    (LoggerHabits(crc=CrcKind.MODBUS_SWAPPED), {Odd.CRC_KIND}),
    (LoggerHabits(crc_lower=True), {Odd.CRC_LOWER}), (LoggerHabits(line_end=b"\n"), {Odd.LINE_END}),
    (LoggerHabits(without=frozenset({"QN"})), {Odd.MISSING}),
    (LoggerHabits(without=frozenset({"Flag"})), {Odd.MISSING}),
    (LoggerHabits(qn_unix=True), {Odd.QN_UNIX}), (LoggerHabits(ms=True), {Odd.MILLISECONDS}),
    (LoggerHabits(order=True), {Odd.ORDER}), (LoggerHabits(is_long=True), set()),
]  # fmt: skip


@pytest.mark.parametrize(("habits", "expected"), HABITS, ids=str)
@pytest.mark.parametrize("form", [None, *CipherForm])
def test_each_habit_of_a_logger_is_taken_and_named(
    habits: LoggerHabits, expected: set[Odd], form: CipherForm | None
) -> None:
    logger = Logger(habits if form is None else LoggerHabits(form=form), (MN,), PW, KEY if form else None)
    stream = Stream()
    pieces = [piece for raw in logger.frames(0, UTC_MS) for piece in stream.feed(raw)] + stream.flush()
    taken = [decode(piece.raw, [KEY] if form else ()) for piece in pieces if isinstance(piece, Frame)]
    assert len(taken) == len(pieces) >= 1
    assert {one.what for each in taken for one in each.oddities} - {Odd.CRC_LOWER} == (
        expected - {Odd.CRC_LOWER} if form is None else set()
    )


def values_of(habits: LoggerHabits) -> list[float]:
    """SO2 of three packets."""
    logger = Logger(habits, (MN,), PW)
    frames = [logger.frames(count, UTC_MS + count * 60_000)[0] for count in range(3)]
    return [float(decode(raw).packet.find("a21026-Rtd")) for raw in frames]


def test_values_move_rise_or_stay_as_asked() -> None:
    usual, risen, frozen = map(
        values_of, (LoggerHabits(), LoggerHabits(level=8.0), LoggerHabits(is_frozen=True))
    )
    assert len(set(usual)) == 3
    assert min(risen) > 5 * max(usual)
    assert len(set(frozen)) == 1


FLAWS = {
    Flaw.HALF: {Wrong.HALF}, Flaw.LENGTH: {Wrong.LENGTH}, Flaw.CRC: {Wrong.CRC}, Flaw.NOISE: {Wrong.NOISE},
    Flaw.REPLAY: set(), Flaw.FIELD_TWICE: {Wrong.FIELD_TWICE}, Flaw.CHARSET: {Wrong.CHARSET},
}  # fmt: skip


@pytest.mark.parametrize("flaw", Flaw)
def test_each_flaw_is_refused_with_its_reason_and_the_rest_is_taken(flaw: Flaw) -> None:
    logger = Logger(LoggerHabits(flaws=(flaw,)), (MN,), PW)
    stream, taken, wrong = Stream(), 0, set()
    for count in range(10):
        for piece in stream.feed(b"".join(logger.frames(count, UTC_MS + count * 60_000))):
            if isinstance(piece, Broken):
                wrong.add(piece.why)
                continue
            try:
                decode(piece.raw)
                taken += 1
            except PacketError as error:
                wrong.add(error.what)
    stream.flush()
    assert taken == {Flaw.REPLAY: 12, Flaw.NOISE: 10}.get(flaw, 8)
    assert wrong == FLAWS[flaw]


def test_the_platform_counts_a_replay_once_and_believes_no_stranger() -> None:
    platform = Platform(Habits(), PW, mns=frozenset({MN}))
    link = PlatformLink(platform)
    logger = Logger(LoggerHabits(flaws=(Flaw.REPLAY,), flaw_every=1), (MN, "0" * 24), PW)
    made = list(link.receive(b"".join(logger.frames(0, UTC_MS)), 0.0, UTC_MS))
    assert [one.what for one in made if isinstance(one, Event)] == ["data", "repeated", "refused", "refused"]
    assert len(platform.taken) == 1
    answers = [decode(one).packet for one in made if isinstance(one, bytes)]
    assert [(one.cn, one.region) for one in answers] == [("9014", "")] * 2 + [("9011", "QnRtn=4")] * 2


@pytest.mark.parametrize("ack", [PlatformAck.REQUEST_WITHIN])
def test_logger_and_platform_speak_as_processes(ack: PlatformAck, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f'pw = "{PW}"\nsm4_key = "{KEY.hex()}"\n')
    call = [sys.executable, "-m", "firmware_sim.main"]
    common = ["--credentials", str(secret), "--pieces", "50", "--cipher-form", "printed"]
    served = subprocess.Popen([*call, "platform", *common, "--ack", ack], stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    address = json.loads(served.stdout.readline())["listening"]
    sends = ["--mn", MN, "--every", "0.05", "--count", "3", "--level", "8", "--frozen"]
    ended = subprocess.run(
        [*call, "logger", address, *common, *sends], capture_output=True, text=True, timeout=180, check=True
    )
    served.terminate()
    lines = [json.loads(line) for line in served.communicate(timeout=180)[0].splitlines()]
    assert lines[-1] == {"ended": {"data": 3}, "different": 3}
    *answers, last = map(json.loads, ended.stdout.splitlines())
    assert last == {"sent": 3}
    assert {(one["cn"], one["mn"]) for one in answers} == {("9011", MN)}


@pytest.mark.parametrize("place", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", ":9001"])
def test_a_place_that_is_none_is_refused(place: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f'pw = "{PW}"\n')
    served = CliRunner().invoke(main, ["platform", "--credentials", str(secret), "--listen", place])
    sent = CliRunner().invoke(main, ["logger", "--credentials", str(secret), "--mn", MN, place])
    assert (served.exit_code, sent.exit_code) == (2, 2)
    assert "is not HOST:PORT" in served.output
    assert "is not HOST:PORT" in sent.output
