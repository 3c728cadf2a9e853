"""Where a page listens: its address, its TLS, and a run until somebody ends it; for all served pages."""

import logging
import signal
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from agent.host.notify import notify
from provisioning.live.page.gate import QUERY
from provisioning.live.page.server import Server
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say

LISTEN: Final = "127.0.0.1:8460"
LOG: Final = logging.getLogger("dianjian.page")


def run(server: Server, host: str, port: int, context: ssl.SSLContext | None) -> None:
    """Serve until SIGTERM or ctrl-C; ends the command where nobody can listen there."""
    try:
        listening = server.listen(host, port, context)
    except OSError as error:
        raise fail(EXIT_OUTSIDE, f"{host}:{port}: cannot listen: {error.strerror}") from error
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: listening.close())
    scheme = "http" if context is None else "https"
    at, port = listening.address
    address = f"{scheme}://{f'[{at}]' if ':' in at else at}:{port}/"
    say(address)
    if server.token is not None:
        LOG.info("for other users of this machine: %s?%s=%s", address, QUERY, server.token.text)
    notify("READY=1")
    listening.serve()
    notify("STOPPING=1")


def parse_address(listen: str) -> tuple[str, int]:
    """Host and port of --listen; ends the command if it is no address."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        is_wide = ip_address(host).version == 6
    except ValueError:
        host, is_wide = "", False
    if is_wide and not listen.startswith(f"[{host}]:"):
        host = ""
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise fail(EXIT_USAGE, f"--listen: an address and a port like {LISTEN} or [::1]:8460, not {listen!r}")
    return host, int(port)


def load_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS with these files, None without; ends the command where only one is given, or none can be read."""
    if (certificate is None) != (key is None):
        raise fail(EXIT_USAGE, "--certificate and --key go together")
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise fail(EXIT_USAGE, f"{certificate}, {key}: {error.strerror or error}") from error
    return context
