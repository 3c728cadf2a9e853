"""What the centre answers to a request, and why it refuses.

An answer is certificates, "wait", or a refusal. EST carries it as a status code, the USB stick as the name of
a file; over MQTT it is deterministic CBOR:

    [1, 0, PKCS#7]       issued: certificate and authority, certs-only, as EST carries it
    [1, 1, code]         waits until an officer has compared this short code with the gateway's screen
    [1, 2, reason]       refused; the reason is one of REFUSALS

A refusal proves nothing: an attacker who could forge one could also withhold the answer. Certificates
prove themselves: they must fit the gateway's own key and the authority whose fingerprint the offer names.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from evidence import cbor
from evidence.words import Words

VERSION: Final = 1
ANSWER_BYTES_MAX: Final = 120_000
"""Below the largest packet that the gateway accepts."""

REFUSALS: Final[Mapping[str, Words]] = {
    "garbage": Words("申请不是有效的登记申请", "this is not a request for enrolment"),
    "csr": Words("证书申请的签名与其公钥不符", "the signing request is not signed by its own key"),
    "name": Words(
        "证书申请的名称不是申请中的网关名",
        "the signing request is for another name than the request inside it",
    ),
    "key": Words(
        "证书申请的公钥不是申请中写明的公钥",
        "the key of the signing request is not the one that the request inside it names",
    ),
    "signature": Words("申请由另一把密钥签名", "the request is signed by another key"),
    "token-unknown": Words("中心没有发放过这个令牌", "the centre has not issued this token"),
    "token-secret": Words(
        "令牌不对：校验码与中心所存不符",
        "the token is wrong: its MAC does not match the token that the centre issued",
    ),
    "token-gateway": Words("这个令牌是发给另一台网关的", "the token was issued for another gateway"),
    "token-used": Words(
        "令牌已被另一台设备用过：如非本人操作，请立即告知中心，并索取新令牌",
        "the token was already used by another device: tell the centre if that was not you, and ask for a "
        "new one",
    ),
    "token-expired": Words(
        "令牌已过期，请向中心索取新令牌",
        "the token has expired: ask the centre for a new one",
    ),
    "site": Words("令牌是发给另一个厂区的", "the token was issued for another site"),
    "meters": Words(
        "电表清单与中心为此令牌登记的清单不同",
        "the list of meters is not the one that the centre has for this token",
    ),
    "first-key": Words(
        "中心已用另一把首密钥登记了这台网关；更换硬件请用 dianjian centre replace",
        "the centre knows this gateway under another first key; new hardware goes on with `dianjian centre "
        "replace`",
    ),
    "recovery-key": Words(
        "中心已用另一把恢复密钥登记了这台网关",
        "this gateway is enrolled with another recovery key",
    ),
    "certificate-unknown": Words(
        "要续期的证书不是中心签发的",
        "the certificate to be renewed was not issued by this centre",
    ),
    "certificate-expired": Words(
        "证书已过期：请向中心索取新令牌，再运行 dianjian renew --token-file",
        "the certificate has expired: ask the centre for a token and run dianjian renew --token-file",
    ),
    "certificate-revoked": Words("证书已被中心吊销", "the centre has revoked the certificate"),
    "renewed": Words("这张证书续期次数过多", "the certificate has been renewed too often"),
    "denied": Words("中心人员拒绝了这个申请", "an officer of the centre has denied the request"),
    "busy": Words("等待批准的申请过多，请稍后再试", "too many requests are pending: try again later"),
}


@frozen
class Issued:
    """The certificates, as PKCS#7."""

    certificates: bytes


@frozen
class Pending:
    """An officer has to compare `code` first."""

    code: str


@frozen
class Refused:
    """One of REFUSALS."""

    reason: str

    @property
    def sentence(self) -> Words:
        """The reason in both languages; an unknown reason of a newer centre is given by its code."""
        return REFUSALS.get(self.reason, Words(f"中心拒绝：{self.reason}", f"refused: {self.reason}"))


Answer = Issued | Pending | Refused


def encode_answer(answer: Answer) -> bytes:
    """`answer` as a payload for MQTT."""
    match answer:
        case Issued(certificates):
            return cbor.encode([VERSION, 0, certificates])
        case Pending(code):
            return cbor.encode([VERSION, 1, code])
        case Refused(reason):
            return cbor.encode([VERSION, 2, reason])


def decode_answer(raw: bytes) -> Answer:
    """The inverse of `encode_answer`; raises FormatError."""
    items: list[Any] = cbor.array(cbor.decode(raw, ANSWER_BYTES_MAX), "answer", 3)
    cbor.natural(items[0], "version", VERSION, VERSION)
    kind = cbor.natural(items[1], "kind", 2)
    if kind == 0:
        if type(items[2]) is not bytes:
            raise cbor.FormatError("the certificates are not a byte string")
        return Issued(items[2])
    text = cbor.text(items[2], "reason")
    if not text.isprintable() or not text.isascii():
        raise cbor.FormatError("the reason is not printable ASCII")
    return Pending(text) if kind == 1 else Refused(text)
