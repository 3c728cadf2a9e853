"""Where requests and answers travel over MQTT: signing requests (DER), and `wire.enrolment.answer`.

    dj/1/claim/authority      centre, retained    the authority's certificate, DER
    dj/1/claim/ID/request     a new gateway       its signing request; ID is 16 bytes of its SHA-256
    dj/1/claim/ID/answer      centre
    dj/1/GATEWAY/renew        a known gateway     its signing request, over its own certificate
    dj/1/GATEWAY/certificate  centre

Nothing here is secret: a request holds no secret, a certificate is public, the MAC reveals nothing without
the token. Only somebody who already has the request can see the list of meters.
"""

import re
from hashlib import sha256
from typing import Final

from wire.messages import ROOT, is_gateway_id

CLAIM: Final = f"{ROOT}/claim"
AUTHORITY: Final = f"{CLAIM}/authority"
REQUESTS: Final = f"{CLAIM}/#"
"""What the centre subscribes to on the broker of claims: requests, and whatever else anybody put there."""
RENEWALS: Final = f"{ROOT}/+/renew"
"""What the centre subscribes to on the broker of gateways."""

_ID: Final = re.compile(r"[0-9a-f]{32}")


def claim_id(csr: bytes) -> str:
    """The client id and topic level of a request."""
    return sha256(csr).hexdigest()[:32]


def claim_request(client: str) -> str:
    """Where a new gateway asks."""
    return f"{CLAIM}/{client}/request"


def claim_answer(client: str) -> str:
    """Where it is answered."""
    return f"{CLAIM}/{client}/answer"


def renew_request(gateway: str) -> str:
    """Where a known gateway asks."""
    return f"{ROOT}/{gateway}/renew"


def renew_answer(gateway: str) -> str:
    """Where it is answered."""
    return f"{ROOT}/{gateway}/certificate"


def is_litter(topic: str) -> bool:
    """Whether only a client with a strange id can have written to this topic of the broker of claims."""
    is_ours = topic == AUTHORITY or topic.endswith("/answer")
    return topic.startswith(f"{CLAIM}/") and not is_ours and find_answer_topic(topic) is None


def find_answer_topic(topic: str) -> tuple[str, str] | None:
    """The answer topic for a request topic, and the gateway it must be for, "" for any; None: no answer."""
    parts = topic.split("/")
    if len(parts) == 5 and topic == claim_request(parts[3]) and _ID.fullmatch(parts[3]):
        return claim_answer(parts[3]), ""
    if len(parts) == 4 and topic == renew_request(parts[2]) and is_gateway_id(parts[2]):
        return renew_answer(parts[2]), parts[2]
    return None
