"""What the start of the daemon loads and makes: each costs every gateway time and memory at each start."""

import subprocess
import sys

UNWANTED = {
    *("statistics", "fractions", "decimal", "agent.webhook", "drivers.dlt645.bus"),
    *("urllib.request", "http.client", "email.message"),
}
COMPARED = ["agent.detect.falls.Falls", "evidence.held.Held"]
"""Classes that change and whose equality somebody asks for."""

LIST_COMPARED = """
import sys, agent.main, attrs
for name, module in sorted(sys.modules.items()):
    if name.split(".")[0] in {"agent", "disk", "drivers", "evidence", "wire"}:
        for one in vars(module).values():
            if isinstance(one, type) and one.__module__ == name and attrs.has(one) and one.__hash__ is None:
                print(f"{name}.{one.__name__}")
"""


def run(code: str) -> list[str]:
    """The lines that `code` prints in a process of its own."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_the_daemon_loads_nothing_that_only_few_sites_need() -> None:
    loaded = run(f"import sys, agent.main; print(*({UNWANTED} & set(sys.modules)))")
    assert loaded == []


def test_what_paho_leaves_out_can_be_imported_afterwards() -> None:
    code = "import agent.main, urllib.request; print(urllib.request.Request.__name__)"
    assert run(code) == ["Request"]


def test_only_classes_that_are_compared_have_an_equality_made_at_the_start() -> None:
    assert run(LIST_COMPARED) == COMPARED
