"""What a `config` order asks: another site file for one gateway, whole.

Body of the order:
    {"site": the new file, raw deflate (RFC 1951), "sha256": of its bytes,
     "base": SHA-256 of the file that it was made from, "keep_s", "jitter_s", "why"}
- The file comes whole, so that the gateway needs no editor, and what was checked is what runs.
- It is taken over only where `base` is in force: what a person has changed on the site since is never
  overwritten unseen.
- The change begins at the order's `effective_utc_ms` and a pause of less than `jitter_s`, which follows from
  gateway and order: a thousand gateways do not restart in one second, and everybody can say when each does.
- It is kept once it has proved itself within `keep_s`; else the file of before comes back by itself.

A site file holds no secret (`agent.site.file`), so neither does such an order.
"""

import zlib
from hashlib import sha256
from typing import Any, Final

from attrs import frozen

from evidence import cbor
from evidence.seal import HASH_BYTES

SITE_BYTES_MAX: Final = 256 * 1024
"""Of the file, as `agent.site.file` reads it."""
KEEP_S_MIN: Final = 60
"""A restart, a connection over a modem and a seal take less than half of it."""
KEEP_S_MAX: Final = 3_600
KEEP_S: Final = 600
"""Where nobody says otherwise: a modem that dials anew, and meters behind a slow gateway, have answered."""
JITTER_S_MAX: Final = 86_400
WHY_BYTES_MAX: Final = 200
"""A sentence, as in other statements."""
_RAW: Final = -15


@frozen
class Change:
    """See the module; `text` is the new file."""

    text: str
    base: bytes
    keep_s: int = KEEP_S
    jitter_s: int = 0
    why: str = ""

    @property
    def sha256(self) -> bytes:
        """Of the new file."""
        return hash_site(self.text)

    def to_body(self) -> dict[str, Any]:
        """The body of an order."""
        packed = deflate_site(self.text)
        times = {"keep_s": self.keep_s, "jitter_s": self.jitter_s}
        return {"site": packed, "sha256": self.sha256, "base": self.base, **times, "why": self.why}


def hash_site(text: str) -> bytes:
    """What names a site file: the SHA-256 of its bytes."""
    return sha256(text.encode()).digest()


def deflate_site(text: str) -> bytes:
    """The file as records and orders have it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, _RAW)
    return deflate.compress(text.encode()) + deflate.flush()


def inflate_site(packed: Any) -> str:
    """The opposite of `deflate_site`; raises FormatError."""
    if type(packed) is not bytes:
        raise cbor.FormatError("site is no bytes")
    inflate = zlib.decompressobj(_RAW)
    try:
        raw = inflate.decompress(packed, SITE_BYTES_MAX + 1)
    except zlib.error as error:
        raise cbor.FormatError("site is not deflated") from error
    if len(raw) > SITE_BYTES_MAX or not inflate.eof or inflate.unused_data:
        raise cbor.FormatError(f"site is no whole file of at most {SITE_BYTES_MAX} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise cbor.FormatError("site is no UTF-8") from error


def decode_change(body: Any) -> Change:
    """The change that the body of an order asks for; raises FormatError."""
    wanted = {"site", "sha256", "base", "keep_s", "jitter_s", "why"}
    if not isinstance(body, dict) or body.keys() != wanted:
        raise cbor.FormatError(f"a config order has exactly {', '.join(sorted(wanted))}")
    change = Change(
        text=inflate_site(body["site"]),
        base=cbor.octets(body["base"], "base", HASH_BYTES),
        keep_s=cbor.natural(body["keep_s"], "keep_s", KEEP_S_MAX, KEEP_S_MIN),
        jitter_s=cbor.natural(body["jitter_s"], "jitter_s", JITTER_S_MAX),
        why=cbor.text(body["why"], "why", WHY_BYTES_MAX),
    )
    if change.sha256 != body["sha256"]:
        raise cbor.FormatError("the site file is not the one that its hash names")
    return change


def find_pause_s(gateway: str, order: str, jitter_s: int) -> float:
    """How long after its time a gateway begins an order: 0 to `jitter_s`, alike for all who ask."""
    seed = int.from_bytes(sha256(f"{gateway}/{order}".encode()).digest()[:8], "big")
    return jitter_s * seed / (1 << 64)
