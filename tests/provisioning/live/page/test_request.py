"""What a request asks for: whose page, and in which language."""

import pytest

from provisioning.live.page.server import LIMITS, Server, is_own_host, wants_chinese
from wire.http.exchange import Exchange, Request


def request(target: str = "/", **headers: str) -> Request:
    lines = [f"GET {target} HTTP/1.1", *(f"{name.replace('_', '-')}: {one}" for name, one in headers.items())]
    found = Exchange(LIMITS).receive("\r\n".join([*lines, "", ""]).encode())
    assert found
    return found


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example:8460",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "2130706433",
        "127.1",
        "[::1",
    ],
)
def test_a_page_is_for_nobody_who_calls_this_gateway_by_another_name(host: str) -> None:
    server = Server(lambda *, chinese: b"page", "")  # noqa: ARG005 - as a page is built
    assert server.answer(request(Host=host)).status == 421
    assert server.answer(request(Host="127.0.0.1:8460")).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8460",
        "192.168.8.1:9999",
        "[::1]:8460",
        "[fe80::1]",
        "localhost",
        "LocalHost:1",
        "gw-7.lan",
    ],
)
def test_a_host_is_an_address_or_a_name_that_was_allowed(host: str) -> None:
    assert is_own_host(host, ["GW-7.lan"])
    assert is_own_host(host) is (host != "gw-7.lan")


@pytest.mark.parametrize(
    ("target", "accepted", "default", "chinese"),
    [
        ("/", "", True, True),
        ("/", "", False, False),
        ("/", "zh-CN,zh;q=0.9,en;q=0.8", False, True),
        ("/", "en-US,en;q=0.9,zh;q=0.8", True, False),
        ("/", "de-DE,de", True, True),
        ("/?lang=en", "zh-CN", True, False),
        ("/?lang=zh", "en", False, True),
        ("/?lang=<script>", "en", False, False),
    ],
)
def test_the_language_is_what_was_asked_for_else_what_the_browser_prefers(
    target: str, accepted: str, default: bool, chinese: bool
) -> None:
    asked = request(target, Host="127.0.0.1", Accept_Language=accepted)
    assert wants_chinese(asked, default) is chinese
