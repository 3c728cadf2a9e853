"""A QR code (ISO/IEC 18004) of a line of text for a terminal: byte mode, error correction L, version 1 to 14.

Only what the line of a token needs, which a telephone reads from a screen: the smallest version that holds
the text, under the mask with the lowest penalty.
"""

from typing import Final

QUIET: Final = 2
"""Light squares around it; the standard says 4, telephones take 2, and terminals are small."""
EC_BYTES: Final = (7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30)
"""Error correction bytes of each block, by version."""
BLOCKS: Final = (1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4)
_FORMAT_L: Final = 1
_FORMAT_GENERATOR, _FORMAT_MASK = 0x537, 0x5412
_VERSION_GENERATOR: Final = 0x1F25
_FIELD: Final = 0x11D
_MASKS: Final = (
    lambda x, y: (x + y) % 2,
    lambda _, y: y % 2,
    lambda x, _: x % 3,
    lambda x, y: (x + y) % 3,
    lambda x, y: (x // 3 + y // 2) % 2,
    lambda x, y: x * y % 2 + x * y % 3,
    lambda x, y: (x * y % 2 + x * y % 3) % 2,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2,
)

Squares = list[list[bool]]


class TooLongError(ValueError):
    """No code of these versions holds the text."""


def qr_code(text: str) -> Squares:
    """The squares, row by row, true for dark."""
    raw = text.encode()
    version = next((v for v in range(1, len(EC_BYTES) + 1) if _fits(v, len(raw))), 0)
    if not version:
        raise TooLongError(f"{len(raw)} bytes do not fit into a QR code of version {len(EC_BYTES)}")
    grid = _Grid(version)
    bits = _bits(_interleaved(_payload(raw, version), version))
    grid.fill(bits)
    return min((grid.masked(mask) for mask in range(len(_MASKS))), key=_penalty)


def terminal(squares: Squares) -> str:
    """Two rows in one line of half blocks, dark on light whatever the terminal's colours are."""
    side = len(squares)

    def dark(x: int, y: int) -> bool:
        return 0 <= x < side and 0 <= y < side and squares[y][x]

    lines = []
    for y in range(-QUIET, side + QUIET, 2):
        row = "".join(" ▄▀█"[2 * dark(x, y) + dark(x, y + 1)] for x in range(-QUIET, side + QUIET))
        lines.append(f"\x1b[30;107m{row}\x1b[0m\n")
    return "".join(lines)


def _raw_bytes(version: int) -> int:
    """Bytes of data and error correction together: what the patterns leave."""
    side = 17 + 4 * version
    bits = side * side - 3 * 64 - 2 * (side - 16) - 31
    if version >= 2:
        count = version // 7 + 2
        bits -= (count * count - 3) * 25 - (count - 2) * 2 * 5
    return (bits - (36 if version >= 7 else 0)) // 8


def _data_bytes(version: int) -> int:
    return _raw_bytes(version) - EC_BYTES[version - 1] * BLOCKS[version - 1]


def _length_bits(version: int) -> int:
    return 8 if version < 10 else 16


def _fits(version: int, count: int) -> bool:
    return 4 + _length_bits(version) + 8 * count <= 8 * _data_bytes(version)


def _payload(raw: bytes, version: int) -> bytes:
    length = _length_bits(version)
    bits = f"0100{len(raw):0{length}b}" + "".join(f"{byte:08b}" for byte in raw)
    room = 8 * _data_bytes(version)
    bits += "0" * min(4, room - len(bits))
    bits += "0" * (-len(bits) % 8)
    whole = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return whole + bytes((0xEC, 0x11)[at % 2] for at in range(room // 8 - len(whole)))


def _interleaved(data: bytes, version: int) -> bytes:
    count, ec = BLOCKS[version - 1], EC_BYTES[version - 1]
    short, long = len(data) // count, len(data) % count
    parts, at = [], 0
    for number in range(count):
        size = short + (number >= count - long)
        parts.append(data[at : at + size])
        at += size
    checks = [_remainder(part, ec) for part in parts]
    longest = max(map(len, parts))
    woven = [part[at] for at in range(longest) for part in parts if at < len(part)]
    return bytes(woven) + bytes(check[at] for at in range(ec) for check in checks)


def _remainder(data: bytes, count: int) -> bytes:
    """Reed-Solomon over GF(2^8): the error correction bytes of a block."""
    generator = [1]
    root = 1
    for _ in range(count):
        generator = [
            high ^ _times(low, root) for high, low in zip([*generator, 0], [0, *generator], strict=True)
        ]
        root = _times(root, 2)
    rest = [0] * count
    for byte in data:
        factor = byte ^ rest[0]
        rest = [*rest[1:], 0]
        rest = [old ^ _times(part, factor) for old, part in zip(rest, generator[1:], strict=True)]
    return bytes(rest)


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a * (b & 1)
        a = a << 1 ^ (_FIELD if a & 0x80 else 0)
        b >>= 1
    return product


def _bits(raw: bytes) -> list[bool]:
    return [bool(byte >> at & 1) for byte in raw for at in range(7, -1, -1)]


class _Grid:
    """The squares with the patterns that do not depend on the text, and which squares those are."""

    def __init__(self, version: int) -> None:
        self.side = 17 + 4 * version
        self.dark: Squares = [[False] * self.side for _ in range(self.side)]
        self.fixed: Squares = [[False] * self.side for _ in range(self.side)]
        for at in range(self.side):
            self._put(6, at, at % 2 == 0)
            self._put(at, 6, at % 2 == 0)
        for x, y in ((3, 3), (self.side - 4, 3), (3, self.side - 4)):
            self._rings(x, y, 4, (0, 1, 3))
        for x, y in self._alignments(version):
            self._rings(x, y, 2, (0, 2))
        self._format(0)  # its places; what stands there comes with the mask
        if version >= 7:
            self._version(version)

    def fill(self, bits: list[bool]) -> None:
        """Lay the bits in columns of two, up and down, from the right."""
        left = iter(bits)
        for pair in range(self.side - 1, 0, -2):
            right = pair - (pair <= 6)
            upward = (right + 1) & 2 == 0
            for step in range(self.side):
                y = self.side - 1 - step if upward else step
                for x in (right, right - 1):
                    if not self.fixed[y][x]:
                        self.dark[y][x] = next(left, False)

    def masked(self, mask: int) -> Squares:
        """A copy with the mask, and the word that names it."""
        self._format(mask)
        return [
            [self.dark[y][x] ^ (not self.fixed[y][x] and _MASKS[mask](x, y) == 0) for x in range(self.side)]
            for y in range(self.side)
        ]

    def _put(self, x: int, y: int, dark: bool) -> None:
        self.dark[y][x] = dark
        self.fixed[y][x] = True

    def _rings(self, x: int, y: int, radius: int, dark: tuple[int, ...]) -> None:
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                if 0 <= x + dx < self.side and 0 <= y + dy < self.side:
                    self._put(x + dx, y + dy, max(abs(dx), abs(dy)) in dark)

    def _alignments(self, version: int) -> list[tuple[int, int]]:
        if version == 1:
            return []
        count = version // 7 + 2
        step = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
        places = [6, *sorted(self.side - 7 - step * at for at in range(count - 1))]
        corners = {(6, 6), (6, places[-1]), (places[-1], 6)}
        return [(x, y) for x in places for y in places if (x, y) not in corners]

    def _format(self, mask: int) -> None:
        word = _FORMAT_L << 3 | mask
        rest = word
        for _ in range(10):
            rest = rest << 1 ^ (rest >> 9) * _FORMAT_GENERATOR
        bits = (word << 10 | rest) ^ _FORMAT_MASK
        first = [*((8, y) for y in (0, 1, 2, 3, 4, 5, 7, 8)), *((x, 8) for x in (7, 5, 4, 3, 2, 1, 0))]
        second = [
            *((self.side - 1 - at, 8) for at in range(8)),
            *((8, self.side - 7 + at) for at in range(7)),
        ]
        for places in (first, second):
            for at, (x, y) in enumerate(places):
                self._put(x, y, bool(bits >> at & 1))
        self._put(8, self.side - 8, True)

    def _version(self, version: int) -> None:
        rest = version
        for _ in range(12):
            rest = rest << 1 ^ (rest >> 11) * _VERSION_GENERATOR
        bits = version << 12 | rest
        for at in range(18):
            x, y = self.side - 11 + at % 3, at // 3
            self._put(x, y, bool(bits >> at & 1))
            self._put(y, x, bool(bits >> at & 1))


def _penalty(squares: Squares) -> int:
    """The four rules of the standard, section 7.8.3."""
    side = len(squares)
    columns = [list(column) for column in zip(*squares, strict=True)]
    points = 0
    for line in (*squares, *columns):
        text = "".join("01"[dark] for dark in line)
        runs = text.replace("01", "0 1").replace("10", "1 0").split()
        points += sum(len(run) - 2 for run in runs if len(run) >= 5)
        points += sum(
            40
            for pattern in ("10111010000", "00001011101")
            for at in range(side - 10)
            if text.startswith(pattern, at)
        )
    points += sum(
        3
        for y in range(side - 1)
        for x in range(side - 1)
        if squares[y][x] == squares[y][x + 1] == squares[y + 1][x] == squares[y + 1][x + 1]
    )
    dark = sum(map(sum, squares))
    return points + 10 * (abs(dark * 20 - side * side * 10) // (side * side))
