"""Notifies systemd: ready, alive, stopping (sd_notify(3)).

The protocol is one datagram of `NAME=value` lines to the socket that NOTIFY_SOCKET names; without that
variable nothing is sent.
"""

import os
import socket


def notify(*lines: str) -> bool:
    """Send `lines` to the supervisor; False if there is none or it does not receive."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False
    return True
