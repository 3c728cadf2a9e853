"""Whether a broker speaks MQTT 3.1.1 and not MQTT 5, which it may say in several ways.

- CONNACK with return code 1, "unacceptable protocol version" (MQTT 3.1.1, section 3.2.2.3).
- A CONNACK of two bytes: in MQTT 5 each has a third one, the length of its properties.
- It closes the connection without an answer. Others do that for other reasons, so it is asked once more, as
  a client of 3.1.1 with another name and a clean session; whoever answers that speaks it.
"""

import contextlib
import socket
import ssl
import struct
from typing import Final

from wire.mqtt_settings import MqttSettings, MqttSettingsError, make_tls_context

MQTT5_NEEDED: Final = (
    "the broker speaks MQTT 3.1.1 only, and MQTT 5 is needed: mosquitto 1.6, EMQX 3.0, HiveMQ 4, VerneMQ 1.6 "
    "(with 5 in allowed_protocol_versions), RabbitMQ 3.13, NanoMQ, or later ones"
)
"""Mosquitto 1.6, EMQX 3.0 and VerneMQ 1.6 by their release notes, the others by their documentation."""
UNANSWERED: Final = (
    "the broker closes the connection without an answer: it may speak no MQTT 5, or refuse this client"
)
"""A broker of MQTT 3.1.1 may close on any CONNECT that follows; who bans a client does, too."""
ASK_S: Final = 5.0
CLIENT_SUFFIX: Final = "-ask"
CONNACK_BYTES: Final = 4
_CONNACK: Final = b"\x20\x02"
_DISCONNECT: Final = b"\xe0\x00"


def is_old_connack(packet: bytes) -> bool:
    """Whether the CONNACK behind its fixed header, `packet`, is one of MQTT 3.1.1."""
    return len(packet) == len(_CONNACK)


def speaks_old_only(settings: MqttSettings) -> bool:
    """Ask a broker that closed a connection of MQTT 5 without an answer; whether it takes one of 3.1.1."""
    try:
        with contextlib.closing(_open(settings)) as link:
            link.sendall(_encode_connect(settings.client_id + CLIENT_SUFFIX))
            answer = b""
            while len(answer) < CONNACK_BYTES and (more := link.recv(CONNACK_BYTES - len(answer))):
                answer += more
            if answer.startswith(_CONNACK):
                with contextlib.suppress(OSError):
                    link.sendall(_DISCONNECT)
            return answer.startswith(_CONNACK)
    except (OSError, MqttSettingsError):
        return False


def _open(settings: MqttSettings) -> socket.socket:
    link = socket.create_connection((settings.host, settings.port), timeout=ASK_S)
    if settings.tls is None:
        return link
    try:
        return make_tls_context(settings.tls).wrap_socket(link, server_hostname=settings.host)
    except (ssl.SSLError, OSError, MqttSettingsError):
        link.close()
        raise


def _encode_connect(client: str) -> bytes:
    """CONNECT of MQTT 3.1.1 (section 3.1): level 4, clean session, 10 s."""
    name = client.encode()
    body = b"\x00\x04MQTT\x04\x02" + struct.pack(">HH", 10, len(name)) + name
    return b"\x10" + bytes([len(body)]) + body
