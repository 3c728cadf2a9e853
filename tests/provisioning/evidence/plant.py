"""A gateway with an hour behind it, and the centre that holds its chain: what evidence is made of.

The gateway is the real core on virtual time (`tests.agent.rig`), with an agent that was started twice, a
treatment that was switched off, a clock that somebody set, a silence, and a body that its disk gave up.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from agent.sealing.opening import open_chain
from agent.sealing.source import NewRecord
from agent.site.enrolment import write_enrolment
from agent.site.file import parse_site
from centre.register import enrolment_line
from centre.store.contract import Accepted
from centre.store.sqlite import SqliteStore
from evidence import keys
from evidence.chain import Outcome
from evidence.receipt import Receipt, sign_receipt
from evidence.record import Kind
from evidence.seal import StoredSeal, peek_header
from evidence.statement import NO_KEY, EnrolledMeter, Enrolment, sign_statement
from evidence.verify import accept
from tests.agent.rig import BEGIN_S, CENTRE, SITE, Rig
from tests.evidence.chains import secret

GATEWAY = "g1"
CENTRE_KEY = keys.public(CENTRE)
STRANGER = secret(1, "a stranger")
OFF_S = 1_800
"""When treatment is switched off, after the begin."""
END_S = 3_600
DROPPED = 70
"""The seal whose body was given up."""
RECEIPT_EVERY = 10
STEP_S = 30
"""By so much the wall clock is set."""
SILENT_S = 300


@frozen
class Plant:
    """Where everything is.

    Attributes:
        folder: The centre's files.
        site: The gateway's site file; its state folder lies where it says.
        seals: The whole chain.
    """

    folder: Path
    site: Path
    state: Path
    first_key: bytes
    seals: tuple[StoredSeal, ...]

    @property
    def centre(self) -> list[str]:
        """The options of the centre."""
        named = {"store": "centre.db", "register": "gateways.jsonl", "key": "centre.key"}
        options = [part for name, file in named.items() for part in (f"--{name}", str(self.folder / file))]
        return [*options, "--gateway", GATEWAY]

    @property
    def gateway(self) -> list[str]:
        """The options on the gateway."""
        return ["--config", str(self.site)]


def utc(second: float) -> str:
    """`second` seconds after the begin, for --from and --to."""
    return datetime.fromtimestamp(BEGIN_S + second, UTC).isoformat()


def plant(folder: Path, *, enrolled: bool = True) -> Plant:
    """Let an hour pass, and give its chain to the centre; `enrolled` with a statement that it signed."""
    _, store, _, recovery = open_chain(parse_site(SITE, folder / "first" / "site.toml"))
    store.close()
    rig = _lived(folder)
    seals = tuple(rig.seals())
    receipts = [_receipt(seal) for seal in seals[RECEIPT_EVERY - 1 :: RECEIPT_EVERY]]
    for seal, raw in zip(seals[RECEIPT_EVERY - 1 :: RECEIPT_EVERY], receipts, strict=True):
        rig.gateway.sealing.store.put_receipt(seal.number, raw)
        rig.gateway.sealing.store.flush()
    rig.close()
    site = rig.folder / "site.toml"
    site.write_text(SITE, "utf-8")
    state = rig.parts.site.path(rig.parts.site.store.path)
    write_enrolment(state, GATEWAY, recovery.next_key)
    centre = folder / "centre"
    _fill_centre(centre, recovery.next_key, seals, enrolled=enrolled)
    return Plant(centre, site, state, recovery.next_key, seals)


def _lived(folder: Path) -> Rig:
    """An hour of a gateway; the disk holds it all, but for one body."""
    rig = Rig(folder / "first")
    rig.run(600, 30_000, 12_000)
    rig = rig.killed(folder / "gateway")
    rig.run(OFF_S - 600, 30_000, 12_000)
    rig.gateway.sealing.store.drop_bodies(DROPPED, DROPPED, at_once=True)
    why = {"first": DROPPED, "last": DROPPED, "why": "no room"}
    rig.gateway.sealing.put(NewRecord(Kind.DROP, why), rig.stamp())
    rig.run(600, 30_000, 0)
    rig.ahead_s += STEP_S
    rig.run(600, 30_000, 12_000)
    rig.passed_s += SILENT_S
    rig.run(END_S - OFF_S - 1_200 - SILENT_S, 30_000, 12_000)
    return rig


def _receipt(seal: StoredSeal) -> bytes:
    """What the centre said a second after the seal was made."""
    made_ms = peek_header(seal.cose).utc_ms
    return sign_receipt(Receipt(GATEWAY, seal.number, seal.hash, seal.number, (), made_ms + 1_000), CENTRE)


def _fill_centre(folder: Path, first_key: bytes, seals: Sequence[StoredSeal], *, enrolled: bool) -> None:
    folder.mkdir()
    (folder / "centre.key").write_text(CENTRE.hex() + "\n", "utf-8")
    (folder / "centre.key").chmod(0o600)
    statement = sign_statement(_enrolment(first_key), CENTRE) if enrolled else b""
    (folder / "gateways.jsonl").write_text(enrolment_line(GATEWAY, first_key, NO_KEY, statement), "utf-8")
    store = SqliteStore(folder / "centre.db")
    store.enrol(GATEWAY, first_key)
    state, batch = store.state(GATEWAY), []
    for seal in seals:
        verdict = accept(state, seal.cose, seal.body, None)
        assert verdict.outcome is Outcome.ACCEPTED, verdict.findings
        state = verdict.state
        batch.append(Accepted(state, seal.cose, seal.body, 0, verdict.absent))
    store.commit(batch)
    store.close()


def _enrolment(first_key: bytes) -> Enrolment:
    """What the centre signed when the gateway was enrolled."""
    meters = (EnrolledMeter("mp", "eastron-sdm630", 1, "20260101"), EnrolledMeter("mt", "eastron-sdm630", 2))
    return Enrolment(GATEWAY, "Test works", first_key, NO_KEY, meters, BEGIN_S * 1_000)
