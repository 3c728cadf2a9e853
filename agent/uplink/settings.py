"""From the site file to the settings of the MQTT connection."""

from agent.site.file import BrokerSettings, ConfigError, Site
from wire import messages
from wire.messages import Topics
from wire.mqtt_settings import MqttSettings, MqttSettingsError, Will, parse_broker


def mqtt_settings(site: Site, broker: BrokerSettings, topics: Topics) -> MqttSettings:
    """How to reach the broker of `site`.

    Raises:
        ConfigError: The URL or the certificate settings are wrong.
    """
    ca, certificate, key = (
        site.path(name) if name else None for name in (broker.ca, broker.certificate, broker.key)
    )
    try:
        address = parse_broker(broker.url, ca, certificate, key)
        return MqttSettings(
            host=address.host,
            port=address.port,
            client_id=site.site.gateway,
            tls=address.tls,
            plain_allowed=broker.plain,
            subscriptions=(topics.receipt, topics.order, messages.BEACON),
            will=Will(topics.state, messages.encode_state(online=False, details={})),
        )
    except MqttSettingsError as error:
        raise ConfigError(site.file, [f"broker.url: {error}"]) from error
