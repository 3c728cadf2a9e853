"""The page's own certificate: a telephone checks its fingerprint against the acceptance sheet.

No authority that telephones know signs for an address inside a plant. So the page has a certificate of its
own, and the site file names its fingerprint ([page]), which is thus in the chain and printed on the sheet
beside the QR code of the address.
"""

import datetime as dt
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from disk.files import replace_file

KEY_NAME: Final = "page.key"
CERTIFICATE_NAME: Final = "page.pem"
DAYS: Final = 3_650
"""As long as a gateway lasts: a page that nobody can open for an expired certificate helps nobody."""


def make_certificate(folder: Path, hosts: Sequence[str], now: dt.datetime) -> str:
    """A new key and certificate in `folder`; gives the certificate's SHA-256. Raises OSError."""
    from wire.enrolment import certificates  # noqa: PLC0415 - x509 costs 43 ms

    authority_key, authority = certificates.make_authority("dianjian page", now)
    key = certificates.new_key()
    spki = certificates.spki_of(key)
    der = certificates.issue(authority_key, authority, spki, hosts[0], now, DAYS, hosts=hosts)
    write_certificate(folder, key, certificates.pem(der))
    return sha256(der).hexdigest()


def write_certificate(folder: Path, key: bytes, pem: bytes) -> None:
    """Certificate (PEM) and key, which comes last: where it is, both are. Raises OSError."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    replace_file(folder / CERTIFICATE_NAME, pem, 0o644)
    replace_file(folder / KEY_NAME, key, 0o600)
