"""Which encoding a text was saved in, told from its bytes alone.

UTF-8 with or without a byte order mark; UTF-16 by its mark, or by the zero bytes that it puts beside every
ASCII character; GB18030, which contains GBK and GB2312 ("ANSI" of a Chinese Windows), if the bytes are not
UTF-8 and all of them are GB18030. Anything else is unknown: nothing is guessed from the frequency of
characters.
"""

import codecs
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

HEAD_BYTES: Final = 4096
"""Where zero bytes are looked for: a text has line ends and digits in its first lines."""
PAIRS_MIN: Final = 8
"""Fewer characters prove nothing."""
ZEROS_MIN: Final = 0.2
"""Share of the characters of UTF-16 that are ASCII in any text with numbers or keys."""


class Encoding(StrEnum):
    """A name that `codecs` knows; those with a mark skip it."""

    UTF_8 = "utf-8"
    UTF_8_MARK = "utf-8-sig"
    UTF_16 = "utf-16"
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"
    GB18030 = "gb18030"

    @property
    def label(self) -> str:
        """As editors call it."""
        return {"utf-8-sig": "UTF-8", "gb18030": "GBK"}.get(self.value, self.value.upper())


def find_encoding(blocks: Iterable[bytes]) -> Encoding | None:
    """The encoding of a whole text, given in blocks; None if it is none of them.

    All blocks are read, except where the first shows a mark or zero bytes.
    """
    decoders = {one: codecs.getincrementaldecoder(one.value)() for one in (Encoding.UTF_8, Encoding.GB18030)}
    is_first = True
    for block in blocks:
        if is_first:
            wide = _find_wide(block[:HEAD_BYTES])
            if wide is not None:
                return wide
            is_first = False
        for one in list(decoders):
            try:
                decoders[one].decode(block)
            except UnicodeDecodeError:
                del decoders[one]
    for one, decoder in decoders.items():
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return one
    return None


def _find_wide(head: bytes) -> Encoding | None:
    """What a mark or zero bytes at the begin say."""
    if head.startswith(codecs.BOM_UTF8):
        return Encoding.UTF_8_MARK
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding.UTF_16
    pairs = len(head) // 2
    if pairs >= PAIRS_MIN and b"\0" in head:
        high, low = head[: 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
        if low >= ZEROS_MIN * pairs and not high:
            return Encoding.UTF_16_LE
        if high >= ZEROS_MIN * pairs and not low:
            return Encoding.UTF_16_BE
    return None
