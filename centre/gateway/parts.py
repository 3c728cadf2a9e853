"""Puts together the bodies of one gateway that come in parts. Pure.

Broker and gateway's network are not trusted: a part is no evidence, and nothing of it is believed. Only a
whole body leaves this file, and the caller compares it with the root in its seal; if that fails the gateway
sends all of it again.

- Parts come in any order, doubled, overlapping, and cut at different sizes. What came last counts, so that
  one false part cannot spoil a body for longer than until it is sent again.
- At most BODIES_MAX bodies are under way at once, each of at most BODY_BYTES_MAX: the one that had no part
  for the longest goes first. A gateway sends one after the other.
- The work is that of copying each part; a body is handed over once for every time that all its bytes came.
- Nothing is kept over a restart: without a receipt the gateway sends the body again.
"""

from typing import Final

from attrs import define, field

from evidence.held import Held
from wire.messages import PartMessage

BODIES_MAX: Final = 2
"""The gateway sends one body after another; a second one for those that overtake each other on the way."""


@define
class _Body:
    """`there` counts bytes from 1, as `Held` does."""

    bytes: bytearray
    there: Held = field(factory=Held)


@define
class Parts:
    """See the module."""

    _bodies: dict[int, _Body] = field(init=False, factory=dict)  # the one with the newest part is last

    def put(self, part: PartMessage) -> bytes | None:
        """Add `part`; the whole body if it is complete now, which is then forgotten here."""
        body = self._bodies.pop(part.number, None)
        if body is None or len(body.bytes) != part.length:
            body = _Body(bytearray(part.length))
        end = part.offset + len(part.piece)
        body.bytes[part.offset : end] = part.piece
        body.there.add(part.offset + 1, end)
        if body.there.up_to == part.length:
            return bytes(body.bytes)
        self._bodies[part.number] = body
        while len(self._bodies) > BODIES_MAX:
            del self._bodies[next(iter(self._bodies))]
        return None
