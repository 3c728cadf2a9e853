"""What a request for the status page asks for: from which host, in which language, packed or not.

A request names its host as an address, as localhost, or by a name that was allowed: a page of a stranger
that has its own name point here (DNS rebinding) is refused.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from wire.http.exchange import Request

_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,255})(:[0-9]{1,5})?")


def is_own_host(host: str, names: Iterable[str] = ()) -> bool:
    """Whether a Host header can only mean this gateway: an address can belong to nobody else's page."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"].lower()
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return name == "localhost" or name in {one.lower() for one in names}
    return True


def takes_gzip(request: Request) -> bool:
    """Whether the answer may be packed; who weighs its ways of packing gets it plain."""
    return "gzip" in {one.strip() for one in request.headers.get("accept-encoding", "").split(",")}


def wants_chinese(request: Request, default: bool) -> bool:
    """By `?lang=`, else by what the browser prefers, else `default`."""
    asked = request.query.get("lang", "")
    if asked in {"zh", "en"}:
        return asked == "zh"
    accepted = request.headers.get("accept-language", "").lower().split(",")
    first = accepted[0].strip()
    return first.startswith("zh") if first[:2] in {"zh", "en"} else default
