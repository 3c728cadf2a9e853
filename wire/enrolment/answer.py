"""What the centre answers to a request, and why it refuses, in the words of both sides.

An answer is certificates, "wait", or a refusal. EST and the USB stick say it in their own way (a status
code; the name of a file); over MQTT it is deterministic CBOR:

    [1, 0, PKCS#7]       issued: certificate and authority, certs-only, as EST carries it
    [1, 1, code]         waits for an officer, who is to compare this short code with the gateway's screen
    [1, 2, reason]       refused; the reason is one of REFUSALS

A refusal is worth nothing as proof: who could forge it could also hold the answer back. Certificates
prove themselves: they must fit the gateway's own key and the authority whose fingerprint the offer names.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from evidence import cbor

VERSION: Final = 1
ANSWER_BYTES_MAX: Final = 120_000
"""Fewer than a packet that the gateway takes in."""

Sentence = Mapping[str, str]
"""In "zh" and "en"."""

REFUSALS: Final[Mapping[str, Sentence]] = {
    "garbage": {
        "zh": "申请不是有效的登记申请",
        "en": "this is not a request for enrolment",
    },
    "csr": {
        "zh": "证书申请的签名与其公钥不符",
        "en": "the signing request is not signed by its own key",
    },
    "name": {
        "zh": "证书申请的名称不是申请中的网关名",
        "en": "the signing request is for another name than the request inside it",
    },
    "key": {
        "zh": "证书申请的公钥不是申请中写明的公钥",
        "en": "the key of the signing request is not the one that the request inside it names",
    },
    "signature": {
        "zh": "申请由另一把密钥签名",
        "en": "the request is signed by another key",
    },
    "token-unknown": {
        "zh": "中心没有发放过这个令牌",
        "en": "the centre has given out no such token",
    },
    "token-secret": {
        "zh": "令牌不对：校验码与中心所存不符",
        "en": "the token is wrong: its MAC is not that of the token the centre gave out",
    },
    "token-gateway": {
        "zh": "这个令牌是发给另一台网关的",
        "en": "the token was given out for another gateway",
    },
    "token-used": {
        "zh": "令牌已被另一台设备用过：如非本人操作，请立即告知中心，并索取新令牌",
        "en": "the token was used already by another device: tell the centre if that was not you, "
        "and ask for a new one",
    },
    "token-expired": {
        "zh": "令牌已过期，请向中心索取新令牌",
        "en": "the token has expired: ask the centre for a new one",
    },
    "site": {
        "zh": "令牌是发给另一个厂区的",
        "en": "the token was given out for another site",
    },
    "meters": {
        "zh": "电表清单与中心为此令牌登记的清单不同",
        "en": "the list of meters is not the one that the centre has for this token",
    },
    "first-key": {
        "zh": "中心已用另一把首密钥登记了这台网关；更换硬件请用 dianjian centre replace",
        "en": "the centre knows this gateway under another first key; new hardware goes on with "
        "`dianjian centre replace`",
    },
    "recovery-key": {
        "zh": "中心已用另一把恢复密钥登记了这台网关",
        "en": "the centre knows this gateway under another recovery key",
    },
    "certificate-unknown": {
        "zh": "要续期的证书不是中心签发的",
        "en": "the certificate to be renewed was not issued by this centre",
    },
    "certificate-expired": {
        "zh": "证书已过期：请向中心索取新令牌，再运行 dianjian renew --token-file",
        "en": "the certificate has expired: ask the centre for a token and run dianjian renew --token-file",
    },
    "certificate-revoked": {
        "zh": "证书已被中心吊销",
        "en": "the centre has revoked the certificate",
    },
    "renewed": {
        "zh": "这张证书续期次数过多",
        "en": "the certificate was renewed too often already",
    },
    "denied": {
        "zh": "中心人员拒绝了这个申请",
        "en": "an officer of the centre has denied the request",
    },
    "busy": {
        "zh": "等待批准的申请过多，请稍后再试",
        "en": "too many requests wait for an officer: try later",
    },
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
    def sentence(self) -> Sentence:
        """Why, in both languages; a reason of a newer centre in its own word."""
        return REFUSALS.get(self.reason, {"zh": f"中心拒绝：{self.reason}", "en": f"refused: {self.reason}"})


Answer = Issued | Pending | Refused


def encode_answer(answer: Answer) -> bytes:
    """As it travels over MQTT."""
    match answer:
        case Issued(certificates):
            return cbor.encode([VERSION, 0, certificates])
        case Pending(code):
            return cbor.encode([VERSION, 1, code])
        case Refused(reason):
            return cbor.encode([VERSION, 2, reason])


def decode_answer(raw: bytes) -> Answer:
    """The inverse of `encode_answer`.

    Raises:
        FormatError: It is none.
    """
    items: list[Any] = cbor.array(cbor.decode(raw, ANSWER_BYTES_MAX), "answer", 3)
    cbor.natural(items[0], "version", VERSION, VERSION)
    kind = cbor.natural(items[1], "kind", 2)
    if kind == 0:
        if type(items[2]) is not bytes:
            raise cbor.FormatError("the certificates are not a byte string")
        return Issued(items[2])
    text = cbor.text(items[2], "reason")
    if not text.isprintable() or not text.isascii():
        raise cbor.FormatError("the reason is not a word")
    return Pending(text) if kind == 1 else Refused(text)
