"""The plant's side: a named person on the plant's own page, as a browser sends what is typed in its form."""

import secrets
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from attrs import define, field

from provisioning.alert_day import acts
from provisioning.alert_day.officer import call
from provisioning.alert_day.words import WORDS
from provisioning.declaring.form import PATH
from provisioning.demo.parts import Part, PartError
from provisioning.demo.stage import Stage
from provisioning.words.language import translate

ANSWER_REAL_S: Final = 60.0
"""Of the page: a password takes a quarter of a second, a page a second on a small machine that is busy."""
PASSWORD_BYTES: Final = 9
STOP: Final = "stop"


@define
class Manager:
    """Declares and answers on the page; `say` shows what is done."""

    stage: Stage
    say: Callable[[str], object]
    _password: str = field(factory=lambda: secrets.token_urlsafe(PASSWORD_BYTES), init=False)
    _url: str = field(default="", init=False)

    def open_page(self) -> Part:
        """Register the person and start the page; the part, which the caller stops. Raises PartError."""
        folder, clock = self.stage.folder, self.stage.clock.spec()
        add = ["person", "add", "--config", "site.toml", "--role", translate(WORDS["role"]), acts.PERSON]
        call(folder, add, self.say, clock, typed=f"{self._password}\n")
        site = str(folder / "site.toml")
        listen = ["--listen", "127.0.0.1:0", "--sim-clock", clock]
        page = Part("page", ["provisioning.cli", "web", "--config", site, *listen], folder)
        page.start()
        self._url = page.first_text()
        return page

    def declare_stop(self) -> None:
        """Say that a line stands, which it does not; raises PartError."""
        since = acts.BEGIN + timedelta(minutes=acts.ALERT_MIN)
        reason = translate(WORDS["stands"])
        self._send(code=STOP, subject=acts.MARKED, since=f"{since:%Y-%m-%dT%H:%M}", text=reason)

    def answer(self) -> None:
        """Look at the page, which shows the order, and answer it; raises PartError."""
        self._ask(urllib.request.Request(self._url))  # noqa: S310 the page that was just started, on loopback
        self._send(order=acts.ASK, state="accepted", text=translate(WORDS["excuse"]))

    def _send(self, **typed: str) -> None:
        fields = {"by": acts.PERSON, "password": self._password, **typed}
        url = urllib.parse.urljoin(self._url, PATH)
        self.say(translate(WORDS["typed"], url=url, text=", ".join(typed.values())))
        self._ask(urllib.request.Request(url, urllib.parse.urlencode(fields).encode()))  # noqa: S310 as above

    def _ask(self, request: urllib.request.Request) -> None:
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_REAL_S) as answer:  # noqa: S310 as above
                answer.read()
        except OSError as error:
            raise PartError(translate(WORDS["page failed"], url=request.full_url, why=error)) from error
