"""Posts early warnings as JSON to a local HTTP address, in a thread of its own.

    POST /path HTTP/1.1          Content-Type: application/json
    {"linkage": …, "state": "begins", "at_s": …, "left_s": …, "sentence": {"zh": …, "en": …}, …}

For lamps, relays and screens of the plant that speak HTTP; the agent itself runs no command and switches no
output. Only numeric addresses of this machine or of private networks are allowed, so that no name
server and no typing error can send the plant's loads elsewhere; redirections are not followed.

The gateway never waits: what the address does not take in time is dropped, oldest first. A failure is logged
once until it works again. Only the status of the answer is read.
"""

import contextlib
import http.client
import json
import logging
import queue
import threading
from collections.abc import Mapping
from typing import Any, Final

from agent.site.webhook_url import WebhookAddress

LOG: Final = logging.getLogger("dianjian.webhook")

TIMEOUT_S: Final = 3.0
"""A warning is about minutes; an address that takes longer to answer counts as absent."""
WAITING_MAX: Final = 32
"""Begin and end of a warning for sixteen linkages; older ones help nobody."""


class Webhook:
    """Call `put` from any thread."""

    def __init__(self, address: WebhookAddress, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._works = True

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Send what is waiting, for at most `timeout_s`."""
        if self._thread.is_alive():
            self.put(None)
            self._thread.join(timeout_s)

    def put(self, item: Mapping[str, Any] | None) -> None:
        """Send this when there is time; never waits, never fails. None ends the thread."""
        while True:
            try:
                self._waiting.put_nowait(item)
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self._waiting.get_nowait()
            else:
                return

    def _run(self) -> None:
        while (body := self._waiting.get()) is not None:
            try:
                status = self._post(json.dumps(body, ensure_ascii=False).encode())
                self._note(None if 200 <= status < 300 else f"answered {status}")
            except (OSError, http.client.HTTPException) as error:
                self._note(str(error) or type(error).__name__)

    def _post(self, body: bytes) -> int:
        to = self._address
        connection = http.client.HTTPConnection(to.host, to.port, timeout=self._timeout_s)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json", "Connection": "close"}
            connection.request("POST", to.path, body, headers)
            return connection.getresponse().status

    def _note(self, problem: str | None) -> None:
        if problem and self._works:
            LOG.warning(
                "the webhook for warnings at %s:%d: %s", self._address.host, self._address.port, problem
            )
        elif not problem and not self._works:
            LOG.info("the webhook for warnings works again")
        self._works = problem is None
