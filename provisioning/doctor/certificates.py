"""Offline checks of the gateway's certificate and its authority's: name, end, chain."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from disk.translation import to_chinese
from evidence.words import Words
from provisioning.doctor.finding import (
    CHECK_CA,
    NEW_CA,
    RENEW,
    Finding,
    Progress,
    Target,
    failed,
    ok,
    warning,
)
from wire.enrolment.certificates import (
    Certificate,
    CertificateError,
    is_issued_by,
    load_many,
    parse_certificate,
)

SOON: Final = timedelta(days=30)
PEM_BYTES_MAX: Final = 65_536


def certificates(target: Target, _: Progress) -> Iterator[Finding]:
    """Check the gateway's certificate and its authority's, offline."""
    assert target.site is not None
    broker = target.site.broker
    if broker is None or not (broker.ca and broker.certificate):
        return
    own = _read_pem(target.site.path(broker.certificate), "broker.certificate")
    authority = _read_pem(target.site.path(broker.ca), "broker.ca")
    for one in (own, authority):
        if isinstance(one, Finding):
            yield one
    if isinstance(own, list):
        yield from _judge_own(target, own[0])
    if isinstance(authority, list):
        yield from _judge_life(target, authority[0], "broker.ca", NEW_CA)
        if isinstance(own, list) and not _is_chain(own, authority):
            text = Words(
                "本网关的证书不是 broker.ca 签发的",
                "this gateway's certificate is not issued by broker.ca",
            )
            yield failed("certificates", text, CHECK_CA, "broker.certificate")


def _read_pem(path: Path, about: str) -> list[bytes] | Finding:
    """The certificates (DER) in a PEM file, or what is wrong with it."""
    try:
        with path.open("rb") as stream:
            return load_many(stream.read(PEM_BYTES_MAX))
    except OSError as error:
        text = Words(f"{path}：{to_chinese(str(error.strerror))}", f"{path}: {error.strerror}")
        remedy = Words("登记后由中心签发：dianjian enrol", "the centre issues it when the gateway enrols")
        return failed("certificates", text, remedy, about)
    except CertificateError as error:
        text = Words(f"{path}：{to_chinese(str(error))}", f"{path}: {error}")
        remedy = Words("换成 PEM 格式的证书文件", "put a certificate in PEM there")
        return failed("certificates", text, remedy, about)


def _judge_own(target: Target, der: bytes) -> Iterator[Finding]:
    assert target.site is not None
    gateway = target.site.site.gateway
    try:
        own = parse_certificate(der)
    except CertificateError as error:
        yield failed("certificates", Words(to_chinese(str(error)), str(error)), RENEW, "broker.certificate")
        return
    if own.name != gateway:
        text = Words(
            f"证书属于 {own.name}，不是 {gateway}", f"the certificate is {own.name}'s, not {gateway}'s"
        )
        remedy = Words("每个网关须有自己的证书：重新登记", "each gateway has its own: enrol this one")
        yield failed("certificates", text, remedy, "broker.certificate")
    yield from _judge_life(target, der, "broker.certificate")


def _judge_life(target: Target, der: bytes, about: str, remedy: Words = RENEW) -> Iterator[Finding]:
    try:
        one = parse_certificate(der)
    except CertificateError as error:
        yield failed("certificates", Words(to_chinese(str(error)), str(error)), CHECK_CA, about)
        return
    begins, ends = _to_datetime(one.begins_utc_ms), _to_datetime(one.ends_utc_ms)
    day = f"{ends:%Y-%m-%d %H:%M} UTC"
    if target.now > ends:
        yield failed("certificates", Words(f"已于 {day} 过期", f"expired on {day}"), remedy, about)
    elif target.now < begins:
        yield failed(
            "certificates",
            Words(f"{begins:%Y-%m-%d %H:%M} UTC 起才有效", f"valid only from {begins:%Y-%m-%d %H:%M} UTC"),
            Words("先校准本机时间（见 clock）", "put this machine's clock right first (see `clock`)"),
            about,
        )
    elif _is_due(one, target.now):
        yield warning("certificates", Words(f"{day} 到期", f"ends on {day}"), remedy, about)
    else:
        yield ok(
            "certificates", Words(f"{one.name}，有效期至 {day}", f"{one.name}, valid until {day}"), about
        )


def _is_due(one: Certificate, now: datetime) -> bool:
    """Past two thirds of its life and within a month of its end: renewal should have happened."""
    begins, ends = _to_datetime(one.begins_utc_ms), _to_datetime(one.ends_utc_ms)
    return now > begins + (ends - begins) * 2 / 3 and ends - now < SOON


def _is_chain(own: list[bytes], authorities: list[bytes]) -> bool:
    """Whether an authority issued the certificate, or an intermediate in the same file."""
    return any(is_issued_by(own[0], one) for one in (*own[1:], *authorities)) and any(
        is_issued_by(own[-1], one) for one in authorities
    )


def _to_datetime(utc_ms: int) -> datetime:
    return datetime.fromtimestamp(utc_ms / 1000, UTC)
