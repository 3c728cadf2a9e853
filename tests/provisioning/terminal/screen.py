"""What stands on a terminal's screen: the smallest model of one that shows what redrawing leaves.

It knows what rich and the line discipline send: text that wraps at the last column, carriage return, line
feed that scrolls, backspace, cursor movement (CSI A, G, H), erasing (CSI J, K) and colours, which it drops
(ECMA-48). Wide characters take two columns. Lines that have scrolled off the top stay in `history`.
"""

import re
import unicodedata
from typing import Final

_ESCAPE: Final = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[=>78]")


class TerminalScreen:
    """The screen of a terminal of this size; `history` has what has scrolled off its top."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.history: list[str] = []
        self._cells = [self._blank() for _ in range(rows)]
        self._row = self._column = 0

    @property
    def lines(self) -> list[str]:
        """What is on the screen now."""
        return ["".join(row).rstrip() for row in self._cells]

    @property
    def whole(self) -> list[str]:
        """What a person can see, scrolling back too."""
        return [*self.history, *self.lines]

    def feed(self, text: str) -> None:
        """Show what the terminal was sent; no escape sequence may be cut in two."""
        at = 0
        while at < len(text):
            escape = _ESCAPE.match(text, at)
            if escape:
                self._obey(escape[2] or "", escape[1] or "")
                at = escape.end()
            else:
                self._put(text[at])
                at += 1

    def _blank(self) -> list[str]:
        return [" "] * self.columns

    def _put(self, sign: str) -> None:
        if sign == "\r":
            self._column = 0
        elif sign == "\n":
            self._feed_line()
        elif sign == "\b":
            self._column = max(self._column - 1, 0)
        elif sign.isprintable():
            self._write(sign)

    def _write(self, sign: str) -> None:
        width = 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if self._column + width > self.columns:
            self._column = 0
            self._feed_line()
        self._cells[self._row][self._column : self._column + width] = [sign, ""][:width]
        self._column += width

    def _feed_line(self) -> None:
        if self._row < self.rows - 1:
            self._row += 1
            return
        self.history.append("".join(self._cells.pop(0)).rstrip())
        self._cells.append(self._blank())

    def _obey(self, what: str, given: str) -> None:
        numbers = [int(one or 0) for one in given.strip("?").split(";")] if given else [0]
        count = max(numbers[0], 1)
        match what:
            case "A":
                self._row = max(self._row - count, 0)
            case "G":
                self._column = count - 1
            case "H":
                self._row, self._column = count - 1, max(numbers[-1], 1) - 1
            case "K":
                begin = 0 if numbers[0] in {1, 2} else self._column
                end = self._column + 1 if numbers[0] == 1 else self.columns
                self._cells[self._row][begin:end] = [" "] * (end - begin)
            case "J":
                rows = range(self.rows) if numbers[0] == 2 else range(self._row + 1, self.rows)
                for row in rows:
                    self._cells[row] = self._blank()
                if numbers[0] == 0:
                    self._obey("K", "0")
