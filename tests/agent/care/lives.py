"""A gateway whose site file is on the disk, and orders of a bureau to change it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from agent.care.starting import take_up_site
from evidence.orders.certificate import METROLOGY
from evidence.orders.change import Change, hash_site
from evidence.orders.order import KINDS
from evidence.record import Kind, Record
from tests.agent.rig import SITE, Rig
from tests.evidence.chains import secret
from tests.evidence.orders import made
from wire import orders as wire
from wire.mqtt_events import Message

METER: Final = secret(7, "metrology")
METER_NAME: Final = "计量科"
METER_CERTIFICATE: Final = made.certificate(METER_NAME, METER, kinds=tuple(sorted((*KINDS, METROLOGY))))
FREE: Final = SITE.replace("[broker]", "[seal]\ninterval_s = 5\n[broker]")
"""A change that needs no seal of a technician."""
SEALED: Final = SITE.replace("rated_w = 50000", "rated_w = 60000")


def body_of(text: str, base: str = SITE, **changes: Any) -> dict[str, Any]:
    return Change(text, hash_site(base), **{"keep_s": 60, **changes}).to_body()


@define
class Life:
    """One gateway over its restarts; each has a folder of its own, copied from the one before."""

    root: Path
    written: str = SITE
    count: int = 0
    rig: Rig = field(init=False)

    def __attrs_post_init__(self) -> None:
        folder = self.root / "0"
        folder.mkdir(parents=True)
        (folder / "site.toml").write_text(self.written)
        self.rig = Rig(folder, site_of=take_up_site)
        self.rig.connect()

    def give(
        self, text: str, seq: int = 1, key: tuple[bytes, str] = (made.CITY, made.CITY_NAME), **changes: Any
    ) -> None:
        """An order for the site file `text`, as it lies at the broker."""
        name = changes.pop("id", f"c{seq}")
        body = changes.pop("body", None) or body_of(
            text, changes.pop("base", SITE), keep_s=changes.pop("keep_s", 60)
        )
        statements = (*made.STATEMENTS, METER_CERTIFICATE)
        raw = made.message(
            key[0],
            statements,
            id=name,
            seq=seq,
            kind="config",
            issuer=key[1],
            body=body,
            due_utc_ms=None,
            **changes,
        )
        self.rig.gateway.mqtt(
            Message(wire.order_topic("g1", name), raw, True), self.rig.stamp(), self.rig.passed_s
        )
        self.live(2)

    def live(
        self, seconds: float, production: float | None = 40_000, treatment: float | None = 9_000
    ) -> None:
        self.rig.run(seconds, production, treatment, 1.0)

    def receipt(self) -> None:
        """The centre has all that is sealed."""
        self.rig.receipt(self.rig.seals()[-1])

    def restart(self, before: Callable[[Path], object] = lambda _: None, **changes: Any) -> None:
        """The process ends where it is, by order or by a power cut, and starts from what the disk has."""
        self.count += 1
        folder = self.root / str(self.count)
        shutil.copytree(self.rig.folder, folder)
        self.rig.close()
        before(folder)
        kept = {"passed_s": self.rig.passed_s + 3, "ahead_s": self.rig.ahead_s}
        self.rig = Rig(
            folder,
            boot_id=f"boot {self.count}".ljust(16, ".").encode(),
            site_of=take_up_site,
            **kept | changes,
        )
        self.rig.connect()

    def told(self) -> list[str]:
        """What was sealed about changes, in order."""
        found = []
        for one in self.rig.records():
            if isinstance(one, Record) and one.kind is Kind.CONFIG:
                found.append(f"{one.body['what']} {one.body['order']}")
            elif isinstance(one, Record) and one.kind is Kind.ANSWER and one.body["state"] != "received":
                found.append(f"{one.body['state']} {one.body['order']}")
        return found

    def why(self) -> str:
        """The text of the last answer."""
        answers = [one for one in self.rig.records() if isinstance(one, Record) and one.kind is Kind.ANSWER]
        return str(answers[-1].body["text"])

    @property
    def interval_s(self) -> float:
        return self.rig.gateway.sealing.interval_s
