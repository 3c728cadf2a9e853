"""Who may do what on the broker, and mosquitto's configuration for it: the one source of both.

TLS 1.3, no password anywhere. One broker for gateways and, if it is asked for, another for claims:

- mosquitto.conf: client certificates of the office's authority, none that its list of revoked certificates
  names. The name in the certificate is the user name; a gateway writes and reads only below it.
- claims.conf: for who has no certificate yet, under an ACL in which nobody is anybody. A client may
  read the authority's certificate, write one request and read one answer, both under its own client id,
  which is the hash of its request: who does not have the request cannot guess it, and cannot listen, answer,
  or throw the client out. The centre comes in by a listener of its own on this machine, with its
  certificate, under a client id that nobody can guess.

It is another process because in MQTT whoever comes with a client id throws out whoever has it, whatever the
listener: strangers at the door of one broker could disconnect every gateway. So all that they can do is to
take the places of claims.conf, or to fill its log; gateways that are enrolled do not notice.

    python: mosquitto_files(...) → {name: text}; `dianjian centre broker-config` writes them
"""

from pathlib import Path
from typing import Final

from attrs import frozen

PACKET_BYTES_MAX: Final = 131_072
"""Twice the largest seal message."""
CLAIMS_QUEUED_MAX: Final = 200
"""Of the centre, while it looks at others; a gateway asks again."""
QUEUED_MESSAGES_MAX: Final = 100_000
"""A centre may be away for a night; beyond this the broker drops silently, and receipts bring it back."""
CLAIM_CONNECTIONS_MAX: Final = 50
"""Technicians at work at the same moment, many times over."""
CENTRE_NAME: Final = "centre"
"""The name in the centre's own certificate; no gateway is called so."""

ACL: Final = """\
# A gateway is named by the CN of its certificate and writes only below that name.
pattern write dj/1/%u/seal
pattern write dj/1/%u/chain
pattern write dj/1/%u/body
pattern write dj/1/%u/rekey
pattern write dj/1/%u/state
pattern write dj/1/%u/renew
pattern read dj/1/%u/receipt
pattern read dj/1/%u/order
pattern read dj/1/%u/certificate
pattern read dj/1/beacon

# The centre reads everything, and writes receipts, orders, certificates and the beacon.
user {centre}
topic read dj/1/#
topic write dj/1/+/receipt
topic write dj/1/+/order
topic write dj/1/+/certificate
topic write dj/1/beacon
"""

CLAIM_CENTRE_ACL: Final = """\
# The centre on the broker of claims; it takes away what somebody had retained.
user {centre}
topic readwrite dj/1/claim/+/request
topic write dj/1/claim/+/answer
topic write dj/1/claim/authority
"""

CLAIM_ACL: Final = """\
# Who has no certificate yet: one request and its answer, under the client id that is the request's hash.
topic read dj/1/claim/authority
pattern write dj/1/claim/%c/request
pattern read dj/1/claim/%c/answer
"""

_COMMON: Final = """\
# Written by `dianjian centre broker-config`; run with: mosquitto -c {folder}/{name}.conf
per_listener_settings true
set_tcp_nodelay true
max_packet_size {packet_bytes_max}
log_dest stderr
log_type error
log_type warning
log_type notice
"""

_MAIN: Final = """
persistence true
persistence_location {folder}/
persistent_client_expiration 14d
autosave_interval 60
max_queued_messages {queued_max}

# Gateways and the centre, by certificate.
listener {port} {address}
allow_anonymous false
cafile {folder}/authority.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
crlfile {folder}/revoked.pem
require_certificate true
use_identity_as_username true
tls_version tlsv1.3
acl_file {folder}/acl
"""

_CLAIM: Final = """
persistence false
persistent_client_expiration 1h
max_queued_messages {claims_max}

# The centre.
listener {centre_port} 127.0.0.1
allow_anonymous false
cafile {folder}/authority.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
crlfile {folder}/revoked.pem
require_certificate true
use_identity_as_username true
tls_version tlsv1.3
acl_file {folder}/claim-centre-acl

# Gateways that have no certificate yet, and want one.
listener {claim_port} {address}
allow_anonymous true
max_connections {connections_max}
cafile {folder}/authority.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
require_certificate false
tls_version tlsv1.3
acl_file {folder}/claim-acl
"""


@frozen
class BrokerPlace:
    """Where the brokers listen; `claim_port` 0 for no broker of claims, `user` whom they become.

    Attributes:
        centre_port: Where the centre comes in at the broker of claims, on this machine.
    """

    folder: Path
    address: str
    port: int
    claim_port: int = 0
    centre_port: int = 0
    centre: str = CENTRE_NAME
    user: str = ""


def mosquitto_files(place: BrokerPlace) -> dict[str, str]:
    """The files that are no certificates, by name."""
    parts = {"mosquitto": _MAIN} | ({"claims": _CLAIM} if place.claim_port else {})
    files = {"acl": ACL.format(centre=place.centre)}
    for name, part in parts.items():
        text = (_COMMON + part).format(
            name=name,
            folder=place.folder,
            address=place.address,
            port=place.port,
            claim_port=place.claim_port,
            centre_port=place.centre_port,
            queued_max=QUEUED_MESSAGES_MAX,
            claims_max=CLAIMS_QUEUED_MAX,
            packet_bytes_max=PACKET_BYTES_MAX,
            connections_max=CLAIM_CONNECTIONS_MAX,
        )
        if place.user:
            text = text.replace("per_listener_settings", f"user {place.user}\nper_listener_settings", 1)
        files[f"{name}.conf"] = text
    if place.claim_port:
        files |= {"claim-acl": CLAIM_ACL, "claim-centre-acl": CLAIM_CENTRE_ACL.format(centre=place.centre)}
    return files
