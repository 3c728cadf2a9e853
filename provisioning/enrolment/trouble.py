"""What can go wrong on the gateway's side of an enrolment, a sentence each in Chinese and English."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from evidence.words import Words
from provisioning.words.language import translate
from wire.enrolment.answer import REFUSALS, Refused

TROUBLES: Final[Mapping[str, Words]] = {
    "offer-gateway": Words(
        "令牌是发给网关 {offered} 的，而现场文件中是 {own}",
        "the token is for gateway {offered}, but the site file is that of {own}",
    ),
    "no-way": Words(
        "令牌中没有登记地址：请用 --via https://…、mqtts://… 或 file:目录 指明",
        "the token names no address to enrol at: give --via https://…, mqtts://… or file:DIR",
    ),
    "first-key-gone": Words(
        "本网关已经签封过数据，首密钥已销毁，不能再登记为新网关；已有证书时请用 dianjian renew --token-file",
        "this gateway has sealed data and its first key is destroyed, so it cannot be enrolled as a new one; "
        "if it has a certificate, use dianjian renew --token-file",
    ),
    "no-certificate": Words(
        "本网关还没有证书：请先运行 dianjian enrol",
        "this gateway has no certificate yet: run dianjian enrol first",
    ),
    "own-expired": Words(
        "本网关的证书已于 {end} 过期：请向中心索取新令牌，再运行 dianjian renew --token-file；签封不受影响",
        "this gateway's certificate expired at {end}: ask the centre for a token and run dianjian renew "
        "--token-file; sealing goes on meanwhile",
    ),
    "unreachable": Words("无法连接 {where}：{why}", "{where} cannot be reached: {why}"),
    "wrong-authority": Words(
        "{where} 的证书机构不是令牌中的那一个（指纹 {found}，应为 {wanted}）：可能有人冒充中心，"
        "未发送任何内容",
        "{where} has another certificate authority than the token names (fingerprint {found}, not "
        "{wanted}): somebody may be impersonating the centre; nothing was sent",
    ),
    "answer-garbage": Words("中心的答复无法识别：{why}", "the centre's answer cannot be read: {why}"),
    "answer-authority": Words(
        "答复中的证书不是由令牌所指的证书机构签发的（应为 {wanted}）",
        "the received certificate was not issued by the authority that the token names ({wanted})",
    ),
    "answer-key": Words(
        "答复中的证书不是为本机密钥签发的", "the received certificate is for another key than this gateway's"
    ),
    "answer-name": Words(
        "答复中的证书是发给 {found} 的，不是 {wanted}",
        "the received certificate is for {found}, not for {wanted}",
    ),
    "answer-expired": Words(
        "收到的证书已于 {end} 过期；如果本机时钟（{now}）不对，请先校时",
        "the received certificate expired at {end}; if this machine's clock ({now}) is wrong, set it first",
    ),
    "answer-early": Words(
        "收到的证书从 {begin} 起才有效，而本机时钟是 {now}：请先校时",
        "the received certificate is valid from {begin}, but this machine's clock says {now}: set it first",
    ),
    "pending": Words(
        "等待中心批准（核对码 {code}）；再次运行同一命令即可继续",
        "waiting for the centre's approval (code {code}); run the same command later",
    ),
    "carry": Words(
        "申请已写入 {where}：请带到中心批准，带回后再次运行同一命令（核对码 {code}）",
        "the request is in {where}: take it to the centre, bring the answer back and run the same command "
        "again (code {code})",
    ),
    "file": Words("{where}：{why}", "{where}: {why}"),
}


class EnrolTroubleError(Exception):
    """An enrolment or renewal failed; `sentence` gives the reason in both languages.

    Attributes:
        code: For scripts: one of TROUBLES or, from the centre, "refused-" and one of REFUSALS.
    """

    def __init__(self, code: str, sentence: Words) -> None:
        self.code = code
        self.sentence = sentence
        super().__init__(translate(sentence))


def trouble(code: str, /, **values: str) -> EnrolTroubleError:
    """The error for one of TROUBLES."""
    return EnrolTroubleError(code, TROUBLES[code].fill(**values))


def short_fingerprint(fingerprint: bytes) -> str:
    """A fingerprint for people to compare: its first eight bytes."""
    return fingerprint[:8].hex(":")


def split_address(url: str, form: str) -> SplitResult:
    """The parts of an address of the centre; it has the scheme of `form`, and a host.

    Raises:
        EnrolTroubleError: It is none.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise trouble("unreachable", where=url, why=str(error)) from error
    if parts.scheme != form.partition(":")[0] or not parts.hostname:
        raise trouble("unreachable", where=url, why=f"not {form}")
    return parts


def refusal_of(answer: Refused) -> EnrolTroubleError:
    """The error for a refusal of the centre."""
    sentence = Words("中心拒绝登记：{why}", "the centre refuses: {why}").fill(why=answer.sentence)
    known = answer.reason if answer.reason in REFUSALS else "other"
    return EnrolTroubleError(f"refused-{known}", sentence)
