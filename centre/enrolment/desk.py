"""The office as its listeners see it: one request in, one answer and one log line out, from any thread."""

import sys
import threading
import time
from typing import Any, Final

from centre.enrolment.ledger import OfficeError
from centre.enrolment.office import Office
from disk.plain_text import one_line, to_json
from evidence.moments import utc_ms
from wire.enrolment.answer import Answer, Issued, Pending, Refused
from wire.enrolment.certificates import CertificateError, parse_csr

LINES_MAX: Final = 120
"""A minute: more than any rollout of gateways, too few to fill a disk."""


MINUTE_S: Final = 60.0


class Desk:
    """The office and its log; called from several threads.

    Attributes:
        broken: The fault in the office's own files, "" if there is none.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._minute_s = 0.0
        self._lines = 0
        self.broken = ""

    def receive(self, raw: bytes, sender: str, via: str) -> Answer:
        """Answer a request and log it."""
        with self._lock:
            try:
                answer = self._office.receive(raw, utc_ms(), sender)
            except OfficeError as error:
                self.broken = str(error)
                answer = Refused("busy")
        line: dict[str, Any] = {"type": "request", "via": via, "gateway": _read_name(raw)}
        match answer:
            case Issued():
                self.log({**line, "answer": "issued"})
            case Pending(code):
                self.log({**line, "answer": "pending", "code": code})
            case Refused(reason):
                self.log({**line, "answer": "refused", "reason": reason, "text": answer.sentence.en})
        return answer

    def log(self, line: dict[str, Any]) -> None:
        """Print a line; dropped after LINES_MAX in the same minute."""
        now_s = time.monotonic()
        if now_s - self._minute_s >= MINUTE_S:
            self._minute_s, self._lines = now_s, 0
        self._lines += 1
        if self._lines <= LINES_MAX:
            sys.stdout.write(to_json(line) + "\n")
            sys.stdout.flush()


def _read_name(raw: bytes) -> str:
    """The gateway that a request names."""
    try:
        return one_line(parse_csr(raw).name[:40])
    except CertificateError:
        return ""
