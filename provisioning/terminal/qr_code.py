"""QR codes for a telephone: on a terminal, or as squares for paper; segno makes them."""

from typing import Final

import segno

QUIET: Final = 2
"""Light squares around it; the standard says 4, telephones take 2, and terminals are small."""
VERSION_MAX: Final = 14
"""73 squares a side: with the light edge 77 columns, so that it fits a terminal of 80."""


class TooLongError(ValueError):
    """The text needs a QR code that is wider than a terminal."""


def list_squares(text: str) -> list[list[bool]]:
    """The rows of squares, with a light edge of four as the standard says; True is dark.

    Raises TooLongError.
    """
    try:
        code = segno.make_qr(text, error="m")
    except segno.DataOverflowError as error:
        raise TooLongError("the text does not fit into any QR code") from error
    return [[bool(one) for one in row] for row in code.matrix_iter(border=4)]


def draw_qr_code(text: str) -> str:
    """Lines for a terminal: two rows of squares in each, as half blocks, dark on light whatever its colours.

    Raises TooLongError.
    """
    try:
        code = segno.make_qr(text, error="l")
    except segno.DataOverflowError as error:
        raise TooLongError("the text does not fit into any QR code") from error
    if int(code.version) > VERSION_MAX:
        raise TooLongError(f"a QR code of version {code.version} is wider than a terminal")
    rows = list(code.matrix_iter(border=QUIET))
    rows.append(bytearray(len(rows)))  # the number of rows is odd in every version
    lines = (
        "".join(" ▄▀█"[2 * above + below] for above, below in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )
    return "".join(f"\x1b[30;107m{line}\x1b[0m\n" for line in lines)
