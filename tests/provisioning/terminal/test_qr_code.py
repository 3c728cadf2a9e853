"""The squares of a QR code, held against those of another encoder (segno, with the same mask)."""

from hashlib import sha256

import pytest

from provisioning.terminal.qr_code import EC_BYTES, TooLongError, qr_code, terminal
from wire.enrolment.offer import Offer
from wire.enrolment.token import Token

TEXT = "dianjian:1?g=gw-7&" * 40


@pytest.mark.parametrize(
    ("length", "digest"),
    [
        (17, "3196302be2f8919ade630920cd7a6df0"),
        (53, "4018ef4b937d75285a1f87bac7860e37"),
        (78, "d055ef7feb803a9092fe7aeda245860b"),
        (192, "8964987b82eda57ffe495873b859d065"),
        (271, "eefb24df28044ee612a4332b630c9149"),
        (425, "b853f0854e99129503f1d1ad1854788d"),
    ],
)
def test_the_squares_are_those_of_another_encoder(length: int, digest: str) -> None:
    squares = "".join("01"[dark] for row in qr_code(TEXT[:length]) for dark in row)
    assert sha256(squares.encode()).hexdigest()[:32] == digest


def test_every_offer_fits_and_what_is_too_long_is_said() -> None:
    key = bytes(range(32))
    token = Token("ABCDEF", "0123456789ABCDEF")
    addresses = (f"{scheme}://broker.province.example:8883" for scheme in ("mqtts", "https", "mqtts"))
    offer = Offer("g" * 32, token, key, key, *addresses, 1_800_000_000)
    assert len(qr_code(offer.text)) <= 17 + 4 * len(EC_BYTES)
    assert len(qr_code("x")) == 21
    with pytest.raises(TooLongError, match="459 bytes"):
        qr_code("x" * 459)


def test_a_terminal_gets_half_as_many_lines_as_squares_with_a_light_edge() -> None:
    lines = terminal(qr_code("x")).splitlines()
    assert len(lines) == (21 + 4 + 1) // 2
    assert {len(line) for line in lines} == {len("\x1b[30;107m") + 25 + len("\x1b[0m")}
    assert lines[0].removeprefix("\x1b[30;107m").startswith("  ")
    assert set(lines[0]) & set("▄▀█") == set(), "the first two rows are the light edge"
