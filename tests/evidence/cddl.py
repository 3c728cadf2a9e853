"""As much of CDDL (RFC 8610) as `records.cddl` uses: a parser that gives a matcher for each rule.

Types: literals, ranges, the prelude's uint int float number bool tstr bstr null any, choices with /,
.size .cbor .regexp .gt .le, tags #6.N(...), arrays and maps with occurrences. An array matches item by
item; an item with an occurrence must be the last one.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import cbor2

Match = Callable[[Any], bool]
TOKEN = re.compile(
    r"""\s*(?:;[^\n]*\n\s*)*(?P<token>h'[0-9a-f]*'|"[^"]*"|\#6\.\d+|\.\.|\.[a-z]+|=>|[A-Za-z][\w-]*|\d*\*\d*|\d+|[=/\[\]{}(),:?])"""
)
PRELUDE: dict[str, Match] = {
    "uint": lambda v: type(v) is int and 0 <= v < 1 << 64,
    "int": lambda v: type(v) is int and abs(v) < 1 << 64,
    "float": lambda v: type(v) is float and math.isfinite(v),
    "number": lambda v: type(v) in {int, float} and math.isfinite(v),
    "bool": lambda v: type(v) is bool,
    "tstr": lambda v: type(v) is str,
    "bstr": lambda v: type(v) is bytes,
    "null": lambda v: v is None,
    "any": lambda _: True,
}


class Schema:
    """The rules of a CDDL text."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Match] = dict(PRELUDE)
        self._tokens = [found["token"] for found in TOKEN.finditer(text)]
        self._at = 0
        while self._at < len(self._tokens):
            name = self._take()
            self._expect("=")
            assert name not in self.rules, f"{name} is defined twice"
            self.rules[name] = self._type()

    def matches(self, rule: str, raw: bytes) -> bool:
        """Whether `raw` is the encoding of what `rule` describes."""
        return self.rules[rule](cbor2.loads(raw))

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, token: str) -> None:
        taken = self._take()
        assert taken == token, f"{token} expected, not {taken}"

    def _type(self) -> Match:
        choices = [self._controlled()]
        while self._peek() == "/":
            self._take()
            choices.append(self._controlled())
        return lambda v: any(choice(v) for choice in choices)

    def _controlled(self) -> Match:
        base = self._simple()
        if self._peek() == ".size":
            self._take()
            low, high = self._bounds()
            return lambda v: base(v) and low <= len(v.encode() if isinstance(v, str) else v) <= high
        if self._peek() == ".cbor":
            self._take()
            inner = self._controlled()
            return lambda v: base(v) and inner(cbor2.loads(v))
        if self._peek() == ".gt":
            self._take()
            above = int(self._take())
            return lambda v: base(v) and v > above
        if self._peek() == ".le":
            self._take()
            most = int(self._take())
            return lambda v: base(v) and v <= most
        if self._peek() == ".regexp":
            self._take()
            wanted = re.compile(self._take()[1:-1])
            return lambda v: base(v) and wanted.fullmatch(v) is not None
        return base

    def _bounds(self) -> tuple[int, int]:
        if self._peek() != "(":
            size = int(self._take())
            return size, size
        self._take()
        low = int(self._take())
        self._expect("..")
        high = int(self._take())
        self._expect(")")
        return low, high

    def _simple(self) -> Match:
        word = self._take()
        if word == "[":
            return self._array()
        if word == "{":
            return self._map()
        if word.startswith("#6."):
            return self._tagged(int(word[3:]))
        if word.startswith("h'"):
            octets = bytes.fromhex(word[2:-1])
            return lambda v: v == octets
        if word.startswith('"'):
            return lambda v: v == word[1:-1]
        if word.isdigit():
            return self._number(int(word))
        return self._named(word)

    def _named(self, rule: str) -> Match:
        def match(v: Any) -> bool:
            return self.rules[rule](v)  # looked up when it is used: it may be defined further down

        return match

    def _number(self, low: int) -> Match:
        high = low
        if self._peek() == "..":
            self._take()
            high = int(self._take())
        return lambda v: type(v) is int and low <= v <= high

    def _tagged(self, tag: int) -> Match:
        self._expect("(")
        inner = self._type()
        self._expect(")")
        return lambda v: isinstance(v, cbor2.CBORTag) and v.tag == tag and inner(_listed(v.value))

    def _array(self) -> Match:
        items: list[Match] = []
        repeated: tuple[int, float, Match] | None = None
        while self._peek() != "]":
            if "*" in self._peek():
                least, most = self._take().split("*")
                repeated = int(least or 0), int(most) if most else math.inf, self._type()
            else:
                if self._peek(1) == ":":
                    self._at += 2
                items.append(self._type())
            if self._peek() == ",":
                self._take()
        self._expect("]")

        def match(v: Any) -> bool:
            if type(v) is not list:
                return False
            more = v[len(items) :]
            enough = not more
            if repeated:
                least, most, each = repeated
                enough = least <= len(more) <= most and all(map(each, more))
            return len(v) >= len(items) and enough and all(m(i) for m, i in zip(items, v, strict=False))

        return match

    def _map(self) -> Match:
        members: dict[str, Match] = {}
        needed: set[str] = set()
        rest: tuple[Match, Match] | None = None
        while self._peek() != "}":
            is_optional = self._peek() == "?"
            if is_optional:
                self._take()
            if self._peek() == "*":
                self._take()
                key = self._type()
                self._expect("=>")
                rest = key, self._type()
            else:
                name = self._take()
                self._expect(":")
                members[name] = self._type()
                needed |= set() if is_optional else {name}
            if self._peek() == ",":
                self._take()
        self._expect("}")

        def match(v: Any) -> bool:
            if not isinstance(v, dict):
                return False
            others = {key: item for key, item in v.items() if key not in members}
            free = all(rest[0](k) and rest[1](i) for k, i in others.items()) if rest else not others
            stands = all(name in v for name in needed)
            return free and stands and all(members[name](v[name]) for name in v if name in members)

        return match


def _listed(value: Any) -> Any:
    """cbor2 makes what stands inside a tag immutable."""
    if isinstance(value, tuple):
        return [_listed(item) for item in value]
    return dict(value) if isinstance(value, cbor2.frozendict) else value
