"""The password of the status page, or its token: how it is asked for; guessing is slowed down.

A browser sends the password with each request (HTTP Basic; the name does not matter). To check it takes a
quarter of a second (`provisioning.declaring.passwords`), so a header that was right once is recognised by its
keyed hash as long as the process runs. After a wrong one the sender's address (IPv6: its /64) waits; a
browser that is known already never does. Requests without a password are not counted: every browser begins
with one.

Where there is no password the page is on loopback alone, which every user of the machine reaches; the status
socket is not open to all of them. Who may read that socket sees the page (`neighbour`); others need the token
that is made anew at each start and printed below the address, so for a service in the journal, for root. A
browser that came once with the token keeps it in a cookie.

Without TLS the password crosses the maintenance network in clear text, where it and the page can be read.
If that network is more than a cable to a laptop, use a certificate.
"""

import hmac
import os
import re
import secrets
from base64 import b64decode
from typing import Final

from attrs import define, field, frozen

from provisioning.declaring.passwords import (
    HASH_BYTES,
    PASSWORD_BYTES_MAX,
    Password,
    Waits,
    find_network,
)

KNOWN_MAX: Final = 16
"""Headers that were right: one for each name that somebody typed beside the password."""
TOKEN_BYTES: Final = 16
QUERY: Final = "token"
"""Of the query of the page's address."""
COOKIE: Final = "dianjian-page"
_COOKIES: Final = re.compile(rf"(?:^|;)\s*{COOKIE}=([A-Za-z0-9_-]{{1,64}})\s*(?=;|$)")


@frozen
class Token:
    """What the address of a page without a password must carry, or the cookie of a browser that had it."""

    text: str = field(factory=lambda: secrets.token_urlsafe(TOKEN_BYTES), repr=False)

    def admits(self, query: str, cookies: str) -> bool:
        """Whether a request with this value of `token` and these cookies may see the page."""
        shown = [query, *_COOKIES.findall(cookies)]
        return any(hmac.compare_digest(self.text.encode(), one.encode()) for one in shown)

    @property
    def cookie(self) -> str:
        """The header that lets the browser in from then on; no other site can have it sent or read it."""
        return f"{COOKIE}={self.text}; Path=/; HttpOnly; SameSite=Strict"


@define
class Gate:
    """Who may see the page. `admits` is for one thread at a time; `now_s` never runs back."""

    password: Password
    _secret: bytes = field(factory=lambda: os.urandom(HASH_BYTES), init=False)
    _known: dict[bytes, None] = field(factory=dict, init=False)
    _waits: Waits = field(factory=Waits, init=False)

    def knows(self, authorization: str) -> bool:
        """Whether this header was right before; cheap."""
        digest = self._digest(authorization)
        return any(hmac.compare_digest(digest, one) for one in list(self._known))

    def wait_s(self, peer: str, now_s: float) -> float:
        """How long `peer` has to wait before the next try; 0 for at once."""
        return self._waits.left_s(find_network(peer), now_s)

    def admits(self, authorization: str, peer: str, now_s: float) -> bool:
        """Whether this header is right, after a quarter of a second; if not, `peer` waits."""
        password = parse_password(authorization)
        if password is not None and self.password.matches(password):
            self._waits.forget(find_network(peer))
            self._known[self._digest(authorization)] = None
            if len(self._known) > KNOWN_MAX:
                del self._known[next(iter(self._known))]
            return True
        self._waits.note_wrong(find_network(peer), now_s)
        return False

    def _digest(self, authorization: str) -> bytes:
        return hmac.digest(self._secret, authorization.encode("utf-8", "surrogateescape"), "sha256")


def parse_password(authorization: str) -> bytes | None:
    """The password of a Basic header; None if malformed."""
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, colon, password = b64decode(coded.strip(), validate=True).partition(b":")
    except ValueError:
        return None
    return password if colon and len(password) <= PASSWORD_BYTES_MAX else None
