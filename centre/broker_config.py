"""Who may do what on the broker, and mosquitto's configuration for it: the one source of both.

TLS 1.3, no passwords. One broker for gateways and, where it is wanted, another for claims:

- mosquitto.conf: clients with a certificate of the office's authority that its list of revoked certificates
  does not name. The name in the certificate is the user name; a gateway writes and reads only below it.
- claims.conf: for gateways without a certificate, anonymous. A client may read the authority's certificate,
  write one request and read one answer, both under its own client id, which is the hash of its request:
  nobody without the request can guess it, so nobody else can read or forge the answer, or disconnect the
  client. The centre connects by a listener of its own on this machine, with its certificate, under a client
  id that nobody can guess.

The two are separate processes because MQTT disconnects a client when another connects with its client id,
whatever the listener: on a shared broker, strangers could disconnect every gateway. Here all they can do is
to use up the connections of claims.conf or fill its log; enrolled gateways do not notice.

    python: mosquitto_files(...) → {name: text}; `dianjian centre broker-config` writes them
"""

from pathlib import Path
from typing import Final

from attrs import frozen

PACKET_BYTES_MAX: Final = 131_072
"""Twice the largest seal message."""
CLAIMS_QUEUED_MAX: Final = 200
"""Requests queued while the centre answers others; a gateway repeats its request."""
QUEUED_MESSAGES_MAX: Final = 100_000
"""A night without the centre; beyond this the broker drops silently; what has no receipt is sent again."""
CLAIM_CONNECTIONS_MAX: Final = 50
"""Many more than the technicians who work at the same time."""
CENTRE_NAME: Final = "centre"
"""The name in the centre's own certificate; no gateway may have it."""

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
# The centre on the broker of claims; it may clear what somebody had retained.
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

_BY_CERTIFICATE: Final = """\
listener {port} {address}
allow_anonymous false
cafile {folder}/authority.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
crlfile {folder}/revoked.pem
require_certificate true
use_identity_as_username true
tls_version tlsv1.3
acl_file {folder}/{acl}
"""

_MAIN: Final = """
persistence true
persistence_location {folder}/
persistent_client_expiration 14d
autosave_interval 60
max_queued_messages {queued_max}

# Gateways and the centre, by certificate.
{by_certificate}"""

_CLAIM: Final = """
persistence false
persistent_client_expiration 1h
max_queued_messages {claims_max}

# The centre.
{by_certificate}
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
    """Where the brokers listen.

    Attributes:
        claim_port: For gateways, on the broker of claims; 0 for no such broker.
        centre_port: For the centre, on the broker of claims, on this machine.
        user: The user that mosquitto, started by root, becomes; "" for its default.
    """

    folder: Path
    address: str
    port: int
    claim_port: int = 0
    centre_port: int = 0
    centre: str = CENTRE_NAME
    user: str = ""


def mosquitto_files(place: BrokerPlace) -> dict[str, str]:
    """The files other than certificates, by name."""
    listeners = {"mosquitto": (_MAIN, place.port, place.address, "acl")}
    if place.claim_port:
        listeners["claims"] = _CLAIM, place.centre_port, "127.0.0.1", "claim-centre-acl"
    files = {"acl": ACL.format(centre=place.centre)}
    for name, (part, port, address, acl) in listeners.items():
        text = (_COMMON + part).format(
            name=name,
            folder=place.folder,
            address=place.address,
            claim_port=place.claim_port,
            queued_max=QUEUED_MESSAGES_MAX,
            claims_max=CLAIMS_QUEUED_MAX,
            packet_bytes_max=PACKET_BYTES_MAX,
            connections_max=CLAIM_CONNECTIONS_MAX,
            by_certificate=_BY_CERTIFICATE.format(port=port, address=address, folder=place.folder, acl=acl),
        )
        if place.user:
            text = text.replace("per_listener_settings", f"user {place.user}\nper_listener_settings", 1)
        files[f"{name}.conf"] = text
    if place.claim_port:
        files |= {"claim-acl": CLAIM_ACL, "claim-centre-acl": CLAIM_CENTRE_ACL.format(centre=place.centre)}
    return files
