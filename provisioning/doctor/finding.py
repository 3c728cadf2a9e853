"""The doctor's findings, and how its checks run: one after the other, each for a bounded time.

A check is a function from the target to findings. It runs in a thread of its own; one that exceeds its
time is abandoned and reported as stuck, so that a dead disk or name server cannot hold up the
rest. An exception in a check becomes a finding, so the doctor never ends in a traceback.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from agent.site.file import Site
from evidence.words import Words


class State(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@frozen
class Finding:
    """One line of the doctor's report.

    Attributes:
        check: The check's name, as in `dianjian doctor --help`.
        about: The port, meter or file; "" if there is only one of its kind.
        remedy: What to do, None for nothing.
    """

    check: str
    state: State
    text: Words
    remedy: Words | None = None
    about: str = ""

    def to_json(self) -> dict[str, Any]:
        """For scripts: in English and Chinese."""
        remedy = self.remedy or Words.same("")
        return {
            "check": self.check,
            "about": self.about,
            "state": self.state.value,
            "text": self.text.en,
            "remedy": remedy.en,
            "text_zh": self.text.zh,
            "remedy_zh": remedy.zh,
        }


def ok(check: str, text: Words, about: str = "") -> Finding:
    """Nothing to be done."""
    return Finding(check, State.OK, text, None, about)


def warning(check: str, text: Words, remedy: Words, about: str = "") -> Finding:
    """It works, but needs attention."""
    return Finding(check, State.WARNING, text, remedy, about)


def failed(check: str, text: Words, remedy: Words, about: str = "") -> Finding:
    """It does not work."""
    return Finding(check, State.FAILED, text, remedy, about)


@frozen
class Target:
    """The input of every check.

    Attributes:
        file: The site file.
        site: The parsed site file, None if it cannot be parsed.
        problems: Mistakes in the site file.
        status: The running agent's status, None if none answers.
        silent: Why the status of a running agent could not be read, else "".
        owner: The process that owns the database, 0 if none does.
        now: The wall clock.
        root: Where /proc, /sys and /dev are.
    """

    file: Path
    site: Site | None
    problems: tuple[str, ...]
    status: Mapping[str, Any] | None
    silent: str
    owner: int
    now: datetime
    root: Path = field(default=Path("/"))

    @property
    def is_running(self) -> bool:
        """Whether an agent uses this state folder, reachable or not."""
        return self.status is not None or bool(self.owner)

    @property
    def folder(self) -> Path:
        """The state folder."""
        assert self.site is not None
        return self.site.path(self.site.store.path)


Progress = Callable[[str], None]
"""Called with the name of what is being checked."""
Look = Callable[[Target, Progress], Iterable[Finding]]
"""A check."""


@frozen
class Check:
    """A check by name, and the real seconds that it may take."""

    name: str
    look: Look
    limit_s: float
    needs_site: bool = True


_END: Final = object()


def examine(checks: Iterable[Check], target: Target, report: Progress) -> Iterator[Finding]:
    """The findings of all checks, each as soon as it is known."""
    for check in checks:
        if target.site is not None or not check.needs_site:
            report(check.name)
            yield from _run_bounded(check, target, report)


def _run_bounded(check: Check, target: Target, report: Progress) -> Iterator[Finding]:
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_run_check, args=(check, target, report, found), daemon=True).start()
    end_s = time.monotonic() + check.limit_s
    while True:
        try:
            one = found.get(timeout=max(end_s - time.monotonic(), 0.0))
        except queue.Empty:
            text = Words(
                f"{check.limit_s:.0f} 秒内没有完成检查",
                f"the check did not end within {check.limit_s:.0f} s",
            )
            remedy = Words(
                "再试一次；仍然如此，请用 --bundle 生成报告",
                "try once more; if it stays so, send a --bundle",
            )
            yield failed(check.name, text, remedy)
            return
        if one is _END:
            return
        yield one


def _run_check(check: Check, target: Target, report: Progress, found: "queue.SimpleQueue[Any]") -> None:
    try:
        for one in check.look(target, report):
            found.put(one)
    except Exception as error:  # noqa: BLE001 - whatever breaks a check is one of its findings
        what = f"{type(error).__name__}: {error}"
        text = Words(f"检查程序出错：{what}", f"the check itself broke: {what}")
        remedy = Words("请用 --bundle 生成报告并发给供应商", "send a --bundle to your supplier")
        found.put(failed(check.name, text, remedy))
    found.put(_END)


CHECK_CA: Final = Words(
    "核对 broker.ca：应是签发消息服务器证书的 CA",
    "see that broker.ca is the authority that issued the broker's certificate",
)


RENEW: Final = Words(
    "更新本网关的证书：dianjian renew", "renew the certificate of this gateway: dianjian renew"
)


NEW_CA: Final = Words(
    "由中心建立新的 CA，并为网关和消息服务器签发新证书",
    "the centre makes a new authority, and new certificates for gateways and broker",
)
