"""Which transport leads to the centre: the one the technician names, else the one of the offer."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from provisioning.enrolment.enrolling import Transport
from provisioning.enrolment.est import EstTransport
from provisioning.enrolment.file import FolderTransport
from provisioning.enrolment.mqtt import ClaimTransport
from provisioning.enrolment.trouble import trouble
from wire.enrolment.offer import Offer

FILE: Final = "file:"


def find_way(offer: Offer, via: str | None = None) -> Transport:
    """The transport for https://…, mqtts://… or file:DIR; without one, EST before MQTT.

    Raises:
        EnrolTroubleError: No address is given, or one of another kind.
    """
    wanted = via or offer.est or offer.claim
    if wanted.startswith(FILE):
        return FolderTransport(Path(wanted.removeprefix(FILE)), offer.gateway)
    scheme = urlsplit(wanted).scheme
    if scheme == "https":
        return EstTransport(wanted)
    if scheme == "mqtts":
        return ClaimTransport(wanted)
    raise trouble("no-way")
