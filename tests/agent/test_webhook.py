"""Early warnings reach a local address, and only a local one, and never make the gateway wait."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any, ClassVar

import pytest

from agent.site.webhook_url import WebhookAddress, WebhookUrlError, parse_webhook
from agent.webhook import WAITING_MAX, Webhook


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("http://127.0.0.1:8080/x", WebhookAddress("127.0.0.1", 8080, "/x")),
        ("http://localhost", WebhookAddress("127.0.0.1", 80, "/")),
        ("http://192.168.1.9/lamp?on=1", WebhookAddress("192.168.1.9", 80, "/lamp?on=1")),
        ("http://10.0.0.2:1/", WebhookAddress("10.0.0.2", 1, "/")),
        ("http://[::1]:81/x", WebhookAddress("::1", 81, "/x")),
    ],
)
def test_a_local_address_is_taken(url: str, wanted: WebhookAddress) -> None:
    assert parse_webhook(url) == wanted


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:80",
        "https://127.0.0.1/",
        "file:///etc/passwd",
        "http:///x",
        "http://8.8.8.8/x",
        "http://[2001:4860:4860::8888]/x",
        "http://plant.example/x",
        "http://0.0.0.0/x",
        "http://224.0.0.1/x",
        "http://255.255.255.255/x",
        "http://user:word@127.0.0.1/x",
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1/x y",
        "http://127.0.0.1/x\r\nX: y",
        "http://127.0.0.1/灯",
        "http://2130706433/x",
    ],
)
def test_any_other_address_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(WebhookUrlError) as caught:
        parse_webhook(url)
    assert "\n" not in str(caught.value)


class Ear(BaseHTTPRequestHandler):
    heard: ClassVar[Queue[Any]]
    status: ClassVar[int]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.heard.put((self.path, self.headers["Content-Type"], json.loads(self.rfile.read(length))))
        self.send_response(self.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def ear(status: int = 200) -> Iterator[tuple[str, "Queue[Any]"]]:
    heard: Queue[Any] = Queue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Ear,), {"heard": heard, "status": status}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/warning", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_warning_arrives_as_json() -> None:
    with ear() as (url, heard):
        webhook = Webhook(parse_webhook(url))
        webhook.start()
        webhook.put({"linkage": "k1", "sentence": {"zh": "治污不足"}})
        assert heard.get(timeout=10) == (
            "/warning",
            "application/json",
            {"linkage": "k1", "sentence": {"zh": "治污不足"}},
        )
        webhook.stop(10)


def test_what_is_waiting_is_sent_before_the_end() -> None:
    with ear() as (url, heard):
        webhook = Webhook(parse_webhook(url))
        webhook.put({"n": 1})
        webhook.put({"n": 2})
        webhook.start()
        webhook.stop(10)
        assert [heard.get_nowait()[2] for _ in range(2)] == [{"n": 1}, {"n": 2}]


def test_failures_are_told_once_and_so_is_their_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dianjian.webhook")
    for status in (500, 302):
        with ear(status) as (url, heard):
            webhook = Webhook(parse_webhook(url))
            webhook.start()
            for _ in range(3):
                webhook.put({})
            webhook.stop(10)
            assert heard.qsize() == 3
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == [
        "answered 500",
        "answered 302",
    ]


def test_an_address_that_takes_and_never_answers_costs_its_time_out_and_nobody_waits() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        webhook = Webhook(WebhookAddress("127.0.0.1", deaf.getsockname()[1], "/"), timeout_s=0.05)
        webhook.start()
        for number in range(10 * WAITING_MAX):
            webhook.put({"n": number})
        assert webhook._waiting.qsize() <= WAITING_MAX
        webhook.stop(20)
        assert not webhook._thread.is_alive()


def test_a_hook_that_never_began_can_end() -> None:
    Webhook(WebhookAddress("127.0.0.1", 1, "/")).stop(1)
