"""The address that early warnings are posted to: a numeric one of this machine or of a private network."""

import ipaddress
from urllib.parse import urlsplit

from attrs import frozen


class WebhookUrlError(ValueError):
    """The address cannot be used, with one line why."""


@frozen
class WebhookAddress:
    """Where early warnings go."""

    host: str
    port: int
    path: str


def parse_webhook(url: str) -> WebhookAddress:
    """The address of a webhook for warnings.

    Raises:
        WebhookUrlError: It is not `http://`, not local, or not an address at all.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError as error:
        raise WebhookUrlError(f"{url!r}: {error}") from error
    if parts.scheme != "http" or not parts.hostname or parts.username is not None:
        raise WebhookUrlError(f"{url!r} is not like http://127.0.0.1:8080/warning")
    if not url.isascii() or any(character <= " " for character in url):
        raise WebhookUrlError(f"{url!r} has characters that no URL has")
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise WebhookUrlError(
            f"{url!r}: the host must be an IP address, not the name {parts.hostname!r}"
        ) from error
    if not _is_local(address):
        raise WebhookUrlError(f"{url!r}: {address} is not an address of this machine or of a private network")
    query = f"?{parts.query}" if parts.query else ""
    return WebhookAddress(host, port, (parts.path or "/") + query)


def _is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    nobody = address.is_unspecified or address.is_multicast or address.is_reserved
    return address.is_loopback or (address.is_private and not nobody)
