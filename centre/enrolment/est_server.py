"""A small EST server (RFC 7030) for the centre: cacerts, simpleenroll, simplereenroll. TLS 1.3 only.

    GET  /.well-known/est/cacerts          the authority, application/pkcs7-mime, base64
    POST /.well-known/est/simpleenroll     a signing request, application/pkcs10, base64 whatever the header
                                           of its encoding says (RFC 8951) → certs-only, base64
    POST /.well-known/est/simplereenroll   the same over the certificate that is to be renewed

202 with Retry-After: an officer is asked. 403: refused, and the first word of the text says which of
`wire.enrolment.answer.REFUSALS`. A client proves itself by what is inside the signing request, the MAC
under the token or the signature of the old key; RFC 7030's passwords are not used. A client certificate is
asked for and not required; simplereenroll wants the very one that is renewed.

Who is not known yet gets little: one request a connection, CONNECTIONS_MAX of them at a time, PATIENCE_S
for each reading, WHOLE_S for all, BODY_BYTES_MAX of a body. Listens on loopback unless it is told otherwise.
"""

import base64
import binascii
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from evidence.cbor import FormatError
from wire.enrolment import certificates
from wire.enrolment.answer import Answer, Issued, Pending, Refused
from wire.enrolment.certificates import (
    CSR_BYTES_MAX,
    CertificateError,
    certs_only,
    parse_certificate,
    parse_csr,
)
from wire.enrolment.request import RenewRequest, parse_attribute

ROOT: Final = "/.well-known/est/"
CONNECTIONS_MAX: Final = 16
"""At a time: a request takes milliseconds."""
PATIENCE_S: Final = 20.0
"""For each reading of a socket, the handshake too: a bad modem, not a sleeper."""
WHOLE_S: Final = 60.0
"""For a whole connection: who sends a byte now and then holds a place no longer."""
BODY_BYTES_MAX: Final = CSR_BYTES_MAX * 3 // 2
"""Base64 with line ends."""
RETRY_S: Final = 5

Receive = Callable[[bytes, str, str], Answer]
"""Takes a request, the gateway it must be for or "", and the way it came."""
Say = Callable[[str], None]
"""Takes one line about a connection that came to nothing."""


class EstServer(ThreadingHTTPServer):
    """See the module; `serve_forever` in a thread, `shutdown` from another."""

    daemon_threads = True
    request_queue_size = 2 * CONNECTIONS_MAX

    def __init__(
        self,
        address: tuple[str, int],
        files: tuple[Path, Path],
        authority: bytes,
        receive: Receive,
        say: Say,
    ) -> None:
        self.authority = certs_only([parse_certificate(authority).der])
        self.receive = receive
        self.say = say
        self._places = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self._tls.load_cert_chain(*files)
        self._tls.load_verify_locations(cadata=certificates.pem(parse_certificate(authority).der).decode())
        self._tls.verify_mode = ssl.CERT_OPTIONAL
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, if there is a place."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The handshake is made here, where it keeps nobody else waiting."""
        other_end = request.dup()  # the wrapping takes the socket away
        end = threading.Timer(WHOLE_S, _cut, (other_end,))
        end.daemon = True
        end.start()
        try:
            request.settimeout(PATIENCE_S)
            with self._tls.wrap_socket(request, server_side=True) as wire:
                self.finish_request(wire, client_address)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            self.say(f"{client_address[0]}: {getattr(error, 'verify_message', '') or error}")
        finally:
            end.cancel()
            other_end.close()
            self.shutdown_request(request)
            self._places.release()


def _cut(wire: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: EstServer
    server_version = "dianjian"
    sys_version = ""
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        """The authority."""
        if self.path == ROOT + "cacerts":
            self._certificates(self.server.authority)
        else:
            self._text(HTTPStatus.NOT_FOUND, "not here")

    def do_POST(self) -> None:
        """A request to be enrolled or renewed."""
        verb = self.path.removeprefix(ROOT)
        if self.path != ROOT + verb or verb not in {"simpleenroll", "simplereenroll"}:
            self._text(HTTPStatus.NOT_FOUND, "not here")
            return
        raw = self._body()
        if raw is None:
            return
        if verb == "simplereenroll" and not self._is_own(raw):
            self._text(HTTPStatus.FORBIDDEN, "signature\nthe certificate to be renewed must be shown")
            return
        answer = self.server.receive(raw, "", "est")
        match answer:
            case Issued(issued):
                self._certificates(issued)
            case Pending(code):
                self._text(HTTPStatus.ACCEPTED, code, {"Retry-After": str(RETRY_S)})
            case Refused(reason):
                sentence = answer.sentence
                self._text(HTTPStatus.FORBIDDEN, f"{reason}\n{sentence.zh}\n{sentence.en}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        """What became of a request is told by the office; HTTP's own words are not."""

    def _body(self) -> bytes | None:
        """The signing request; None after saying what is wrong."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or int(length) > BODY_BYTES_MAX:
            self._text(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_BYTES_MAX} bytes")
            return None
        if self.headers.get_content_type() != "application/pkcs10":
            self._text(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "application/pkcs10 is wanted")
            return None
        raw = self.rfile.read(int(length))
        try:
            return base64.b64decode(b"".join(raw.split()), validate=True)
        except binascii.Error:
            self._text(HTTPStatus.BAD_REQUEST, "the body is not base64")
            return None

    def _is_own(self, raw: bytes) -> bool:
        """Whether the client has shown the certificate that it wants renewed."""
        assert isinstance(self.connection, ssl.SSLSocket)
        shown = self.connection.getpeercert(binary_form=True)
        try:
            asked = parse_attribute(parse_csr(raw).attribute).request
        except (CertificateError, FormatError):
            return True  # the office says what is wrong with it
        own = sha256(shown or b"").digest()
        return isinstance(asked, RenewRequest) and asked.certificate_sha256 == own

    def _certificates(self, pkcs7: bytes) -> None:
        body = base64.encodebytes(pkcs7)
        head = {
            "Content-Type": "application/pkcs7-mime; smime-type=certs-only",
            "Content-Transfer-Encoding": "base64",
        }
        self._send(HTTPStatus.OK, body, head)

    def _text(self, status: HTTPStatus, text: str, head: dict[str, str] | None = None) -> None:
        words = {"Content-Type": "text/plain; charset=utf-8", **(head or {})}
        self._send(status, text.encode() + b"\n", words)

    def _send(self, status: HTTPStatus, body: bytes, head: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in head.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True
