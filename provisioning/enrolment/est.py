"""Enrolment over EST (RFC 7030): HTTPS to the centre's `dianjian centre listen`, or to any EST server.

A new gateway knows only the fingerprint of the authority. So it first requests /cacerts over a connection
that trusts any server (RFC 7030, 4.1.1), takes the one certificate that has the fingerprint, and sends its
request over a second connection that trusts that authority alone. A renewal shows the old certificate, and
trusts the authority in the gateway's own ca file.
"""

import base64
import binascii
import http.client
import ssl
from http import HTTPStatus
from typing import ClassVar, Final

from attrs import define, field

from provisioning.enrolment.trouble import short_fingerprint, split_address, trouble
from wire.enrolment.answer import Answer, Issued, Pending, Refused
from wire.mqtt_settings import ServerOnlyTls, TlsFiles, make_tls_context

ROOT: Final = "/.well-known/est"
PATIENCE_S: Final = 20.0
BYTES_MAX: Final = 200_000
"""Longest body that is read."""
REASON_CHARACTERS_MAX: Final = 60


@define
class EstTransport:
    """See the module; with `own`, it renews that certificate."""

    place: str
    own: TlsFiles | None = None
    name: ClassVar[str] = "est"
    waits: ClassVar[bool] = True
    _authority: str = field(default="", init=False)

    def exchange(self, csr: bytes, authority: bytes) -> Answer:
        """Send the request, and read the answer."""
        if not self._authority:
            self._authority = self._fetch_authority(authority)
        context = make_tls_context(ServerOnlyTls(self._authority))
        if self.own is not None:
            context.load_cert_chain(self.own.certificate, self.own.key)
        verb = "simpleenroll" if self.own is None else "simplereenroll"
        head = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
        status, body = self._ask(context, "POST", verb, base64.encodebytes(csr), head)
        text = body.decode("utf-8", "replace")
        if status == HTTPStatus.OK:
            return Issued(_from_base64(body))
        if status == HTTPStatus.ACCEPTED:
            return Pending(text.strip()[:REASON_CHARACTERS_MAX])
        if status == HTTPStatus.FORBIDDEN and text.split():
            return Refused(text.split()[0][:REASON_CHARACTERS_MAX])
        raise trouble("unreachable", where=self.place, why=f"HTTP {status} {text.strip()[:100]!r}")

    def _fetch_authority(self, wanted: bytes) -> str:
        from wire.enrolment import certificates  # noqa: PLC0415 -- 43 ms that only an enrolment needs

        status, body = self._ask(make_tls_context(ServerOnlyTls(None)), "GET", "cacerts")
        if status != HTTPStatus.OK:
            raise trouble("unreachable", where=self.place, why=f"HTTP {status}")
        try:
            found = certificates.open_certs_only(_from_base64(body))
        except certificates.CertificateError as error:
            raise trouble("answer-garbage", why=str(error)) from error
        root = next((one for one in found if one.sha256 == wanted), None)
        if root is None:
            shown = {"found": short_fingerprint(found[0].sha256), "wanted": short_fingerprint(wanted)}
            raise trouble("wrong-authority", where=self.place, **shown)
        return certificates.pem(root.der).decode()

    def _ask(
        self,
        context: ssl.SSLContext,
        method: str,
        verb: str,
        body: bytes = b"",
        head: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        parts = split_address(self.place, "https://host")
        assert parts.hostname is not None
        path = f"{parts.path.rstrip('/')}{ROOT}/{verb}"
        link = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=PATIENCE_S, context=context)
        try:
            link.request(method, path, body or None, head or {})
            answer = link.getresponse()
            return answer.status, answer.read(BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
            raise trouble("unreachable", where=self.place, why=why or type(error).__name__) from error
        finally:
            link.close()


def _from_base64(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise trouble("answer-garbage", why="not base64") from error
