"""What a `diagnose` order asks: one of four looks at one gateway, each with its limits. Pure.

Body of the order, exactly:
    {"what": "doctor"}                              what the agent knows of itself, its meters and its broker
    {"what": "bundle"}                              the same, its log, and the names of its files
    {"what": "log", "hours"}                        what the agent has logged in the last hours of its run
    {"what": "bus", "bus": id, "seconds"}           each read of a bus while it is polled as ever

What comes of it is a file beside the chain, named by the gateway's answer. There is no fifth look: an order
names no program, no path and no register.
"""

from typing import Any, Final

from attrs import frozen

from evidence import cbor

DOCTOR: Final = "doctor"
BUNDLE: Final = "bundle"
LOG: Final = "log"
BUS: Final = "bus"
NAMES: Final = {DOCTOR: "doctor.json", BUNDLE: "bundle.zip", LOG: "log.txt", BUS: "bus.jsonl"}
"""The looks, and what the file of each is called."""
BUS_BYTES_MAX: Final = 256
"""Of its id; a gateway refuses one that its site file has not."""
HOURS_MAX: Final = 168
"""A week; more than what an agent keeps of its log in its memory."""
SECONDS_MIN: Final = 5
SECONDS_MAX: Final = 60
"""Of a recorded session: several turns of a bus with thirty meters at 9600 baud."""


@frozen
class Diagnosis:
    """See the module; `hours` counts for a log alone, `bus` and `seconds` for a bus."""

    what: str
    hours: int = 24
    bus: str = ""
    seconds: int = SECONDS_MAX

    @property
    def file_name(self) -> str:
        """What its file is called."""
        return NAMES[self.what]

    def to_body(self) -> dict[str, Any]:
        """The body of an order; raises FormatError if a value is out of its range."""
        more: dict[str, dict[str, Any]] = {
            LOG: {"hours": self.hours},
            BUS: {"bus": self.bus, "seconds": self.seconds},
        }
        body = {"what": self.what, **more.get(self.what, {})}
        decode_diagnosis(body)
        return body


def decode_diagnosis(body: Any) -> Diagnosis:
    """What the body of an order asks for; raises FormatError."""
    what = body.get("what") if isinstance(body, dict) else None
    if not isinstance(what, str) or what not in NAMES:
        raise cbor.FormatError(f"a diagnose order asks for one of {', '.join(sorted(NAMES))}")
    wanted = {"what", *{LOG: ("hours",), BUS: ("bus", "seconds")}.get(what, ())}
    if body.keys() != wanted:
        raise cbor.FormatError(f"a diagnose order for {what} has exactly {', '.join(sorted(wanted))}")
    if what == LOG:
        return Diagnosis(what, hours=cbor.natural(body["hours"], "hours", HOURS_MAX, 1))
    if what == BUS:
        seconds = cbor.natural(body["seconds"], "seconds", SECONDS_MAX, SECONDS_MIN)
        return Diagnosis(what, bus=cbor.text(body["bus"], "bus", BUS_BYTES_MAX), seconds=seconds)
    return Diagnosis(what)
