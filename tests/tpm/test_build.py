"""From the site file to the TPM: loaded only where it is asked for, told in one line where it is missing."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.build import build
from agent.main import main
from agent.sealing.attesting import Attesting
from agent.sealing.tpm_task import TpmTask
from agent.site.file import parse_site
from disk.tables import TableError
from drivers.clock import SystemClock
from tests.agent.rig import SITE
from tests.tpm.swtpm import Swtpm

CODE = "import sys, agent.main; sys.exit(any(name.startswith('tpm2_pytss') for name in sys.modules))"
WITHOUT = (
    "import sys; sys.modules['tpm2_pytss'] = None; from agent.main import main; sys.exit(main(sys.argv[1:]))"
)


def with_tpm(tcti: str) -> str:
    return f'{SITE}[tpm]\ntcti = "{tcti}"\n'


def test_the_daemon_without_a_tpm_does_not_load_its_libraries() -> None:
    assert subprocess.run([sys.executable, "-c", CODE], check=False).returncode == 0


def test_a_site_that_wants_a_tpm_names_the_extra_that_is_missing(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(with_tpm("device:/dev/tpmrm0"))
    command = [sys.executable, "-c", WITHOUT, "check", "--config", str(site)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "pip install dianjian-edge[tpm]" in line


@pytest.mark.parametrize(
    "tcti", ["", "cmd:rm -rf /", "libevil.so:", "device:/dev/tpm 0", "swtpm:" + "x" * 300, "pcap:device"]
)
def test_a_way_to_the_tpm_that_could_run_something_is_refused(tcti: str) -> None:
    with pytest.raises(TableError, match=r"tpm\.tcti: must be like device:/dev/tpmrm0"):
        parse_site(with_tpm(tcti), Path("site.toml"))


def test_the_built_agent_attests_its_boot(swtpm: Swtpm, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(with_tpm(swtpm.tcti))
    assert main(["check", "--config", str(site)]) == 0
    clock = SystemClock()
    built = build(parse_site(site.read_text(), site), clock, lambda _: None, lambda _: None, lambda: None)
    built.publisher.start()
    try:
        gateway = built.gateway
        gateway.start(built.recovery, clock.stamp(), time.monotonic())
        (attesting,) = [source for source in gateway.sources if isinstance(source, Attesting)]
        assert isinstance(attesting.task, TpmTask)
        assert built.tpm is attesting.task
        built.tpm.wait(20)
        gateway.stop(clock.stamp(), time.monotonic())
        assert gateway.sealing.store.checkpoint("tpm") is not None
    finally:
        built.publisher.stop()
        built.close()
