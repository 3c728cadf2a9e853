import subprocess
import sys


def test_the_daemon_detects_without_numpy() -> None:
    code = "import sys, agent.detect.detector; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
