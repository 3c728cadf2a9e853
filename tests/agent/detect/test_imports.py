import subprocess
import sys


def test_the_daemon_detects_without_numpy() -> None:
    code = "import sys, agent.detect.detector; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_daemon_starts_without_a_server_of_http() -> None:
    code = (
        "import sys, agent.main; sys.exit(any(name.startswith(('h11', 'wire.http')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
