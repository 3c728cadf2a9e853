"""What a telephone reads from the lines of the terminal: zbar, an independent reader, decodes them."""

import subprocess
from pathlib import Path

import pytest

from provisioning.terminal.qr_code import QUIET, VERSION_MAX, TooLongError, draw_qr_code
from wire.enrolment.offer import Offer
from wire.enrolment.token import Token

TEXT = "dianjian:1?g=gw-7&" * 40
SQUARE = 4
"""Pixels a side, of which a reader needs three."""
OFFER = Offer(
    "g" * 32,
    Token("ABCDEF", "0123456789ABCDEF"),
    bytes(range(32)),
    bytes(range(32)),
    "mqtts://broker.province.example:8883",
    "https://broker.province.example:8883",
    "mqtts://broker.province.example:8883",
    1_800_000_000,
).text


def squares(lines: str) -> list[list[bool]]:
    """The squares of the lines, true for dark."""
    rows = [line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m") for line in lines.splitlines()]
    halves = [(["▀█", "▄█"][half], row) for row in rows for half in (0, 1)]
    return [[block in dark for block in row] for dark, row in halves]


def decode(lines: str, folder: Path) -> str:
    """The text that zbar reads from the lines."""
    dark = squares(lines)
    pixels = b"".join(
        b"".join((b"\0" if square else b"\xff") * SQUARE for square in row) * SQUARE for row in dark
    )
    image = folder / "code.pgm"
    image.write_bytes(b"P5 %d %d 255\n" % (SQUARE * len(dark[0]), SQUARE * len(dark)) + pixels)
    run = subprocess.run(["zbarimg", "--quiet", "--raw", image], capture_output=True, check=True, timeout=30)
    return run.stdout.decode().removesuffix("\n")


@pytest.mark.parametrize(
    "text", ["x", *(TEXT[:length] for length in (17, 53, 78, 192, 271, 425)), OFFER, "站点 7"]
)
def test_an_independent_reader_reads_the_same_text(text: str, tmp_path: Path) -> None:
    assert decode(draw_qr_code(text), tmp_path) == text


def test_every_offer_fits_a_terminal_and_what_is_too_long_is_refused() -> None:
    assert max(map(len, squares(draw_qr_code(OFFER)))) <= 17 + 4 * VERSION_MAX + 2 * QUIET <= 80
    assert len(squares(draw_qr_code("x" * 458))[0]) == 17 + 4 * VERSION_MAX + 2 * QUIET
    for length in (459, 5000):
        with pytest.raises(TooLongError):
            draw_qr_code("x" * length)


def test_a_terminal_gets_half_as_many_lines_as_squares_with_a_light_edge() -> None:
    lines = draw_qr_code("x").splitlines()
    assert len(lines) == (21 + 4 + 1) // 2
    assert {len(line) for line in lines} == {len("\x1b[30;107m") + 25 + len("\x1b[0m")}
    edge = squares("\n".join(lines))
    assert not any(any(row) for row in (*edge[:QUIET], *edge[-QUIET:]))
    assert not any(row[0] or row[1] or row[-1] or row[-2] for row in edge)
