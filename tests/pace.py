"""A test that failed while the machine stood still is run again: it said nothing.

Half of the suite runs in real time, with meters, brokers and agents in threads and processes beside the
test, and six workers share two cores. A thread that is not run for longer than a time-out turns a meter that
answers into one that is silent, which is no fault of what is tested.

- A thread of each worker sleeps TICK_S and notes by how much it woke too late: the longest stall of a test.
- A failed test during which no thread stalled for STALLED_S has failed.
- Otherwise it is run again from its fixtures on, at most RUNS times in all; the last run counts, whole.
- Each repeat is named in the summary with its stall, so that a test that needs it often is seen.
"""

import threading
import time

import pytest
from _pytest.runner import runtestprotocol

TICK_S = 0.01
"""s; a hundred looks a second cost a worker 0.3 % of a core."""
STALLED_S = 0.03
"""s; among the shortest time-outs that tests give to a counterpart in a thread of its own."""
STALL = "stalled_s"
"""The property of a report that names a stall; workers pass properties on."""
RUNS = 3
"""Runs of one test; a test that fails three times on a busy machine is looked at."""


class Pace:
    """By how much this process woke too late, at the worst since the last question."""

    def __init__(self) -> None:
        self._worst_s = 0.0
        threading.Thread(target=self._watch, name="pace", daemon=True).start()

    def _watch(self) -> None:
        while True:
            due_s = time.monotonic() + TICK_S
            time.sleep(TICK_S)
            self._worst_s = max(self._worst_s, time.monotonic() - due_s)

    def take_worst_s(self) -> float:
        """s; and begin anew."""
        worst_s, self._worst_s = self._worst_s, 0.0
        return worst_s


class Repeater:
    """The pytest plugin: runs, looks at the pace, and runs again."""

    def __init__(self) -> None:
        self._pace = Pace()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for run in range(1, RUNS + 1):
            self._pace.take_worst_s()
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
            stall_s = self._pace.take_worst_s()
            if run == RUNS or stall_s < STALLED_S or not any(report.failed for report in reports):
                break
            item.user_properties.append((STALL, round(stall_s, 3)))
            item._initrequest()  # type: ignore[attr-defined] # as pytest itself before the first run
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    config.pluginmanager.register(Repeater(), "repeater")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each test that was run again: its name and the stall of each run that did not count."""
    for report in (one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)):
        stalls_s = [f"{value} s" for key, value in report.user_properties if key == STALL]
        if report.when == "call" and stalls_s:
            terminalreporter.line(f"{report.nodeid}: run again after a stall of {', '.join(stalls_s)}")
