"""Who may do what on the broker, and mosquitto's configuration for it: the one source of both.

TLS 1.3, no passwords. One broker for gateways and, where it is wanted, another for claims:

- mosquitto.conf: clients with a certificate of the office's authority that its list of revoked certificates
  does not name. The name in the certificate is the user name and the client id, whatever id the client asks
  for: nobody can take another's session. So whoever connects has a certificate of its own, each process of
  the centre too, and what it may do follows from its role (ROLES). A gateway writes and reads only below its
  name; its doctor and its renewal go through the running agent.
- claims.conf: for gateways without a certificate, anonymous. A client may read the authority's certificate,
  write one request and read one answer, both under its own client id, which is the hash of its request:
  nobody without the request can guess it, so nobody else can read or forge the answer, or disconnect the
  client. The centre connects by a listener of its own on this machine, with its certificate, and takes away
  whatever anybody had retained.

The two are separate processes because MQTT disconnects a client when another connects with its client id,
whatever the listener: on a shared broker, strangers could disconnect every gateway. Here all they can do is
to use up the connections of claims.conf or fill its log; enrolled gateways do not notice.

Memory is bounded: what waits for a centre that is away, by QUEUED_MESSAGES_MAX and QUEUED_BYTES_MAX, and the
process by MEMORY_BYTES_MAX. What is dropped has no receipt, so its gateway sends it again. Nothing runs as
root.

    python: mosquitto_files(...) → {name: text}; `dianjian centre broker-config` writes them
"""

from pathlib import Path
from typing import Final

from attrs import frozen

PACKET_BYTES_MAX: Final = 131_072
"""Twice the largest seal message."""
CLAIMS_QUEUED_MAX: Final = 200
"""Requests queued while the centre answers others; a gateway repeats its request."""
QUEUED_MESSAGES_MAX: Final = 10_000
"""For one client, mostly a centre that is away; beyond this the broker drops, and gateways send again."""
QUEUED_BYTES_MAX: Final = 64 * 1024 * 1024
"""For one client, whichever comes first."""
INFLIGHT_MAX: Final = 100
"""Unacknowledged messages for one client, as many as `subscribe` takes (`wire.mqtt_client`): with the usual
20 the broker waits more often than it sends, and what one gateway floods queues up before the others."""
MEMORY_BYTES_MAX: Final = 256 * 1024 * 1024
"""Of the broker's memory: three clients' full queues; a thousand gateways need 20 MB."""
CLAIMS_MEMORY_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of the broker of claims: its 50 connections, each with a message of the largest size, six times."""
CLAIM_CONNECTIONS_MAX: Final = 50
"""Many more than the technicians who work at the same time."""
CENTRE_NAME: Final = "centre"
"""The name in the certificate of `dianjian subscribe`; no gateway may have it, nor the others of ROLES."""
ROLES: Final = {"subscribe": CENTRE_NAME, "listen": "centre-office", "doctor": "centre-doctor"}
"""The processes of the centre, and the names in their certificates."""
_VERIFIER_NAME: Final = CENTRE_NAME + "-verifier-"

VERIFIERS_MAX: Final = 99
"""`dianjian subscribe --slices` on one broker: twice what 100,000 gateways need."""

_VERIFIER: Final = """\
# subscribe: verifies what gateways publish, answers receipts, sends orders, asks for files, and hears its
# own beacon.
user {subscribe}
topic read dj/1/+/seal
topic read dj/1/+/chain
topic read dj/1/+/body
topic read dj/1/+/rekey
topic read dj/1/+/state
topic read dj/1/+/file
topic readwrite dj/1/beacon
topic write dj/1/+/receipt
topic write dj/1/+/order/#
topic write dj/1/+/orders
topic write dj/1/+/files
topic write dj/1/keys

"""

ACL: Final = f"""\
# A gateway is named by the CN of its certificate and writes only below that name.
pattern write dj/1/%u/seal
pattern write dj/1/%u/chain
pattern write dj/1/%u/body
pattern write dj/1/%u/rekey
pattern write dj/1/%u/state
pattern write dj/1/%u/file
pattern write dj/1/%u/renew
pattern read dj/1/%u/receipt
pattern read dj/1/%u/order/#
pattern read dj/1/%u/orders
pattern read dj/1/%u/files
pattern read dj/1/%u/certificate
pattern read dj/1/beacon
pattern read dj/1/keys

{_VERIFIER}\
# listen: renews certificates.
user {{listen}}
topic read dj/1/+/renew
topic write dj/1/+/certificate

# doctor: sees whether the centre answers, and writes nothing.
user {{doctor}}
topic read dj/1/beacon
topic read dj/1/+/receipt
topic read dj/1/+/state
"""

CLAIM_CENTRE_ACL: Final = """\
# listen, on the broker of claims; it clears what anybody had retained, under whatever id.
user {listen}
topic readwrite dj/1/claim/#

# As before roles: an office whose certificate is subscribe's.
user {subscribe}
topic readwrite dj/1/claim/#
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
memory_limit {memory_max}
max_queued_bytes {queued_bytes_max}
max_inflight_messages {inflight_max}
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
use_username_as_clientid true
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
        verifiers: How many share a store, beside the one that is alone.
        user: The user that mosquitto, started by root, becomes; "" where another starts it, and stays.
    """

    folder: Path
    address: str
    port: int
    claim_port: int = 0
    centre_port: int = 0
    verifiers: int = 0
    user: str = ""


def name_verifier(number: int) -> str:
    """The name in the certificate of one of several verifiers, which are numbered from 1 on."""
    return f"{_VERIFIER_NAME}{number}"


def is_reserved(name: str) -> bool:
    """Whether the broker knows this name as a process of the centre."""
    return name in ROLES.values() or name.startswith(_VERIFIER_NAME)


def mosquitto_files(place: BrokerPlace) -> dict[str, str]:
    """The files other than certificates, by name."""
    listeners = {"mosquitto": (_MAIN, place.port, place.address, "acl")}
    if place.claim_port:
        listeners["claims"] = _CLAIM, place.centre_port, "127.0.0.1", "claim-centre-acl"
    verifiers = [_VERIFIER.format(subscribe=name_verifier(one + 1)) for one in range(place.verifiers)]
    files = {"acl": ACL.format(**ROLES) + "".join(f"\n{one.rstrip()}\n" for one in verifiers)}
    for name, (part, port, address, acl) in listeners.items():
        text = (_COMMON + part).format(
            name=name,
            folder=place.folder,
            address=place.address,
            claim_port=place.claim_port,
            queued_max=QUEUED_MESSAGES_MAX,
            queued_bytes_max=QUEUED_BYTES_MAX,
            inflight_max=INFLIGHT_MAX,
            memory_max=CLAIMS_MEMORY_BYTES_MAX if name == "claims" else MEMORY_BYTES_MAX,
            claims_max=CLAIMS_QUEUED_MAX,
            packet_bytes_max=PACKET_BYTES_MAX,
            connections_max=CLAIM_CONNECTIONS_MAX,
            by_certificate=_BY_CERTIFICATE.format(port=port, address=address, folder=place.folder, acl=acl),
        )
        if place.user:
            text = text.replace("per_listener_settings", f"user {place.user}\nper_listener_settings", 1)
        files[f"{name}.conf"] = text
    if place.claim_port:
        files |= {"claim-acl": CLAIM_ACL, "claim-centre-acl": CLAIM_CENTRE_ACL.format(**ROLES)}
    return files
