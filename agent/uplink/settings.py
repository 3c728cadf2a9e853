"""From the site file to the settings of the MQTT connection."""

from typing import Final

from agent.site.file import BrokerSettings, ConfigError, Site
from wire import messages
from wire.enrolment.topics import renew_answer
from wire.files import wanted_topic
from wire.messages import Topics
from wire.mqtt_settings import MqttSettings, MqttSettingsError, Will, parse_broker
from wire.orders import subscriptions

ENROLLED_NAME: Final = "current"
"""The folder of the certificate that an enrolment put in place (`provisioning.enrolment.identity`)."""


def mqtt_settings(site: Site, broker: BrokerSettings, topics: Topics) -> MqttSettings:
    """How to reach the broker of `site`.

    Raises:
        ConfigError: The URL or the certificate settings are wrong.
    """
    ca, certificate, key = (
        site.path(name) if name else None for name in (broker.ca, broker.certificate, broker.key)
    )
    # Only an office of ours answers renewals; another broker need not allow to read them.
    is_enrolled = certificate is not None and certificate.parent.name == ENROLLED_NAME
    renewed = (renew_answer(topics.gateway),) if is_enrolled else ()
    try:
        address = parse_broker(broker.url, ca, certificate, key)
        return MqttSettings(
            host=address.host,
            port=address.port,
            client_id=site.site.gateway,
            tls=address.tls,
            plain_allowed=broker.plain,
            subscriptions=(
                *(topics.receipt, *subscriptions(topics.gateway), wanted_topic(topics.gateway)),
                *(messages.BEACON, *renewed),
            ),
            will=Will(topics.state, messages.encode_state(online=False, details={})),
        )
    except MqttSettingsError as error:
        raise ConfigError(site.file, [f"broker.url: {error}"]) from error
