"""Remedies of certificates and TLS that several checks of the doctor give."""

from typing import Final

from provisioning.doctor.finding import Said

CHECK_CA: Final[Said] = (
    "核对 broker.ca：应是签发消息服务器证书的 CA",
    "see that broker.ca is the authority that issued the broker's certificate",
)
RENEW: Final[Said] = (
    "更新本网关的证书：dianjian renew",
    "renew the certificate of this gateway: dianjian renew",
)
NEW_CA: Final[Said] = (
    "由中心建立新的 CA，并为网关和消息服务器签发新证书",
    "the centre makes a new authority, and new certificates for gateways and broker",
)
