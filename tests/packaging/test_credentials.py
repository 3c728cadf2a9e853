"""A key that only root can read reaches the agent as a credential of its unit."""

from pathlib import Path

import pytest

from agent.site.file import ConfigError, load_site
from agent.uplink.settings import mqtt_settings
from wire.messages import Topics

SITE = """
[broker]
url = "mqtts://broker.example:8883"
ca = "ca.pem"
certificate = "gw.pem"
key = "{key}"
"""


def key_path(folder: Path, key: str) -> Path:
    """Where the agent reads the key of its connection."""
    path = folder / "site.toml"
    path.write_text(SITE.format(key=key), "utf-8")
    site = load_site(path)
    assert site.broker is not None
    tls = mqtt_settings(site, site.broker, Topics("gw")).tls
    assert tls is not None
    return tls.key


@pytest.mark.parametrize(
    ("key", "directory", "expected"),
    [
        ("credential:broker.key", "/run/credentials/x.service", "/run/credentials/x.service/broker.key"),
        ("credential:broker.key", None, "{folder}/broker.key"),
        ("credential:broker.key", "", "{folder}/broker.key"),
        ("broker.key", "/run/credentials/x.service", "{folder}/broker.key"),
        ("/etc/keys/broker.key", "/run/credentials/x.service", "/etc/keys/broker.key"),
    ],
)
def test_the_key_is_read_where_the_service_manager_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, directory: str | None, expected: str
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if directory is not None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", directory)
    assert key_path(tmp_path, key) == Path(expected.format(folder=tmp_path))


@pytest.mark.parametrize("name", ["", "../broker.key", "/broker.key", "a/b", ".hidden", "x" * 256])
def test_a_credential_is_one_name_in_one_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"broker\.key: must be .credential:NAME."):
        key_path(tmp_path, f"credential:{name}")
