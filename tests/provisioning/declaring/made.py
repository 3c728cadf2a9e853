"""Persons whose passwords cost nothing, and the form as a browser sends it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from provisioning.declaring import passwords
from provisioning.declaring.desk import DeclarationDesk, Plant
from provisioning.declaring.form import PATH
from provisioning.declaring.persons import add_person
from wire.http.exchange import Request

PASSWORD = "正确的密码 correct"  # noqa: S105
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


@contextmanager
def cheap() -> Iterator[None]:
    with mock.patch.multiple(passwords, SCRYPT_N=2, SCRYPT_R=1, SCRYPT_P=1):
        yield


def name_persons(state: Path, *names: str) -> None:
    with cheap():
        for number, name in enumerate(names):
            add_person(state, name, "环保负责人", PASSWORD, number + 1)


def desk_of(state: Path, now_s: float) -> DeclarationDesk:
    plant = Plant("东厂区", state, 8 * 3600, (("p1", "喷涂线"), ("t1", "风机")))
    return DeclarationDesk(lambda: plant, lambda: round(now_s * 1e9))


def multipart(fields: Mapping[str, str], files: Mapping[str, bytes] | None = None) -> bytes:
    """As Chromium writes it."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, raw in (files or {"": b""}).items():
        head = f'Content-Disposition: form-data; name="photo"; filename="{name}"\r\nContent-Type: image/jpeg'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + raw + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def sent(
    fields: Mapping[str, str], files: Mapping[str, bytes] | None = None, peer: str = "10.0.0.7"
) -> Request:
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return Request("POST", PATH, {}, kind, multipart(fields, files), peer)
