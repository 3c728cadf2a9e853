"""A small EST server (RFC 7030) for the centre: cacerts, simpleenroll, simplereenroll. TLS 1.3 only.

    GET  /.well-known/est/cacerts          the authority, application/pkcs7-mime, base64
    POST /.well-known/est/simpleenroll     a signing request, application/pkcs10, base64 whatever the header
                                           of its encoding says (RFC 8951) → certs-only, base64
    POST /.well-known/est/simplereenroll   the same over the certificate that is to be renewed

202 with Retry-After: an officer has to approve. 403: refused; the first word of the text is one of
`wire.enrolment.answer.REFUSALS`. A client proves itself by what is inside the signing request, the MAC
under the token or the signature of the old key; RFC 7030's passwords are not used. A client certificate is
requested and not required; simplereenroll needs the very one that is renewed.

Unknown clients get few resources: `wire.http`, with the limits below.
"""

import base64
import binascii
import ssl
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final

from attrs import define

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
from wire.http.exchange import Limits, Request, Response
from wire.http.server import HttpServer, listen

ROOT: Final = "/.well-known/est/"
CONNECTIONS_MAX: Final = 16
"""Simultaneous connections: a request takes milliseconds."""
PATIENCE_S: Final = 20.0
"""For each read of a socket, the handshake too: long enough for a bad modem, not for an idle client."""
WHOLE_S: Final = 60.0
"""For a whole request, even for a client that sends a byte now and then."""
BODY_BYTES_MAX: Final = CSR_BYTES_MAX * 3 // 2
"""Base64 with line ends."""
RETRY_S: Final = 5

Receive = Callable[[bytes, str, str], Answer]
"""Takes a request, the gateway it must be for or "", and its transport."""
Report = Callable[[str], None]
"""Takes one line about a connection without a complete request."""


def listen_est(
    address: tuple[str, int], files: tuple[Path, Path], authority: bytes, receive: Receive, report: Report
) -> HttpServer:
    """The server at `address`, with the certificate and key in `files`; `authority` is its PEM.

    Raises:
        OSError: The address is not available, or the files cannot be read.
        OverflowError: The port number is out of range.
        CertificateError: `authority` is not a certificate.
    """
    root = parse_certificate(authority).der
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(*files)
    context.load_verify_locations(cadata=certificates.pem(root).decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    limits = Limits(CONNECTIONS_MAX, WHOLE_S, PATIENCE_S, PATIENCE_S, ("GET", "POST"), BODY_BYTES_MAX)
    answers = _Answers(certs_only([root]), receive)
    return listen(*address, answers.answer, limits, report=report, context=context)


@define
class _Answers:
    """What each path answers.

    Attributes:
        authority: As certs-only PKCS#7.
        receive: The office.
    """

    authority: bytes
    receive: Receive

    def answer(self, request: Request) -> Response:
        """The answer to a whole request."""
        match request.method, request.path.removeprefix(ROOT) if request.path.startswith(ROOT) else "":
            case "GET", "cacerts":
                return _to_certificates(self.authority)
            case "POST", ("simpleenroll" | "simplereenroll") as verb:
                return self._enrol(verb, request)
            case _:
                return _to_text(HTTPStatus.NOT_FOUND, "not here")

    def _enrol(self, verb: str, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/pkcs10":
            return _to_text(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "application/pkcs10 is wanted")
        try:
            raw = base64.b64decode(b"".join(request.body.split()), validate=True)
        except binascii.Error:
            return _to_text(HTTPStatus.BAD_REQUEST, "the body is not base64")
        if verb == "simplereenroll" and not _is_own(raw, request.certificate):
            return _to_text(HTTPStatus.FORBIDDEN, "signature\nthe certificate to be renewed must be shown")
        answer = self.receive(raw, "", "est")
        match answer:
            case Issued(issued):
                return _to_certificates(issued)
            case Pending(code):
                return _to_text(HTTPStatus.ACCEPTED, code, {"Retry-After": str(RETRY_S)})
            case Refused(reason):
                sentence = answer.sentence
                return _to_text(HTTPStatus.FORBIDDEN, f"{reason}\n{sentence.zh}\n{sentence.en}")


def _is_own(raw: bytes, shown: bytes | None) -> bool:
    """Whether the client has shown the certificate that it wants renewed."""
    try:
        asked = parse_attribute(parse_csr(raw).attribute).request
    except (CertificateError, FormatError):
        return True  # the office refuses it with the reason
    return isinstance(asked, RenewRequest) and asked.certificate_sha256 == sha256(shown or b"").digest()


def _to_certificates(pkcs7: bytes) -> Response:
    kind = "application/pkcs7-mime; smime-type=certs-only"
    return Response(HTTPStatus.OK, base64.encodebytes(pkcs7), kind, {"Content-Transfer-Encoding": "base64"})


def _to_text(status: HTTPStatus, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(status, text.encode() + b"\n", headers=headers or {})
