"""The unit of the page and the program agree, and the unit keeps it from writing and from secrets."""

from configparser import ConfigParser, SectionProxy
from pathlib import Path

import pytest

from agent.inbox import FILES_NAME, INBOX_NAME
from provisioning.live.page.server import LIMITS
from provisioning.live.web import LISTEN

UNIT = Path(__file__).parents[4] / "systemd/dianjian-page.service"


class Unit(ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        """As it is written."""
        return optionstr


@pytest.fixture
def service() -> SectionProxy:
    known = Unit(strict=False, interpolation=None, delimiters=("=",))
    known.read(UNIT, "utf-8")
    return known["Service"]


def test_it_may_bind_the_port_that_the_program_listens_on_and_talk_to_this_machine_alone(
    service: SectionProxy,
) -> None:
    assert service["SocketBindAllow"] == f"tcp:{LISTEN.rpartition(':')[2]}"
    assert service["SocketBindDeny"] == service["IPAddressDeny"] == "any"
    assert service["IPAddressAllow"] == "localhost"
    assert "--listen" not in service["ExecStart"]


def test_it_can_write_letters_and_files_alone_and_read_no_key(service: SectionProxy) -> None:
    assert service["ProtectSystem"] == "strict"
    assert not {"StateDirectory", "CacheDirectory", "LogsDirectory"} & set(service)
    assert service["ReadWritePaths"] == f"-/var/lib/dianjian/{INBOX_NAME} -/var/lib/dianjian/{FILES_NAME}"
    assert "-/var/lib/dianjian/keys" in service["InaccessiblePaths"]
    assert "-/etc/dianjian/broker.key" in service["InaccessiblePaths"]
    assert "LoadCredential" not in service


def test_every_connection_can_have_its_thread(service: SectionProxy) -> None:
    assert int(service["TasksMax"]) >= LIMITS.connections_max + 4


def test_a_wrong_file_does_not_make_it_start_again_and_again(service: SectionProxy) -> None:
    assert service["RestartPreventExitStatus"] == "2"
