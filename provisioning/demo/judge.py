"""The verdict of the demo: is everything that the agent acknowledged at the centre, once, and true?

Acknowledged is what stands in the agent's own database, read after each time it was killed and at
the end. The centre's chain is read from its database, exported, and checked from the enrolled first
key alone, as a stranger would.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from agent.store.gateway import read_seals
from agent.store.names import DATABASE_NAME
from centre.store.sqlite import SqliteStore
from disk.files import open_output
from evidence.pack.export import ExportedSeal, verify_file, write_chain
from evidence.seal import seal_hash
from provisioning.demo.stage import CENTRE_NAME, Stage
from provisioning.demo.verified import Verified

DEAD_METER: Final = "m6"
DEAD_LINKAGE: Final = "k2"
OFF_LINKAGE: Final = "k1"


@frozen
class Verdict:
    """What the demo says at the end.

    Attributes:
        problems: Why it is not good, one line each.
        seals, verified_seals: Acknowledged by the agent; held and verified by the centre.
        lost: Acknowledged seals that the centre has not, and records of its seals that were not printed.
        duplicates: Records that were printed more than once.
    """

    seals: int
    verified_seals: int
    lost: int
    duplicates: int
    readings: int
    episodes: tuple[dict[str, Any], ...]
    problems: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether the demo has shown what it promises."""
        return not self.problems


def acknowledged(stage: Stage) -> dict[int, bytes]:
    """The seals in the agent's database now: number and hash."""
    database = stage.site.path(stage.site.store.path) / DATABASE_NAME
    return {seal.number: seal.hash for seal in read_seals(database)}


def judge(stage: Stage, first_key: bytes, seen: Mapping[int, bytes], verified: Verified) -> Verdict:
    """Compare what the agent acknowledged (`seen`, over all of its lives) with what the centre holds."""
    gateway = stage.site.site.gateway
    store = SqliteStore(stage.folder / CENTRE_NAME)
    try:
        held = {number: (cose, body) for number, cose, body, _ in store.chain(gateway)}
        forks = store.forks(gateway)
    finally:
        store.close()
    export = stage.folder / "chain.cbor"
    with open_output(export) as output:
        write_chain(output, gateway, (ExportedSeal(cose, body) for _, (cose, body) in sorted(held.items())))
    report = verify_file(export, first_key)
    good = sum(number in held and seal_hash(held[number][0]) == digest for number, digest in seen.items())
    missing = report.records - len(verified.records)
    episodes = _episodes(verified.episodes)
    duplicates = sum(times - 1 for times in verified.records.values())
    wrong = (
        (report.error, f"the centre's chain does not verify: {report.error}"),
        (report.absent, f"{report.absent} bodies are missing at the centre"),
        (forks, f"{len(forks)} forks"),
        (len(seen) - good, f"{len(seen) - good} acknowledged seals are not at the centre"),
        (missing, f"{missing} verified records were not handed on"),
        (duplicates, f"{duplicates} records were handed on more than once"),
        *_expected(episodes, verified),
    )
    return Verdict(
        seals=len(seen),
        verified_seals=good if report.ok else 0,
        lost=len(seen) - good + max(missing, 0),
        duplicates=duplicates,
        readings=verified.readings,
        episodes=episodes,
        problems=tuple(text for is_wrong, text in wrong if is_wrong),
    )


def _expected(episodes: Sequence[Mapping[str, Any]], verified: Verified) -> list[tuple[bool, str]]:
    rules = {(episode["linkage"], episode["rule"]) for episode in episodes}
    violations = [episode for episode in episodes if episode["severity"] == "violation"]
    false = [
        episode for episode in violations if (episode["linkage"], episode["rule"]) != (OFF_LINKAGE, "off")
    ]
    return [
        ((OFF_LINKAGE, "off") not in rules, "the switched-off treatment was not found"),
        (bool(false), f"false violations: {[(one['linkage'], one['rule']) for one in false]}"),
        ((DEAD_LINKAGE, "data_loss") not in rules, "the dead meter was not reported as loss of data"),
        (DEAD_METER not in verified.silent, f"meter {DEAD_METER} is dead but its readings do not say so"),
    ]


def _episodes(lines: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Each episode in its last state."""
    latest = {line["id"]: line for line in lines}
    return tuple(
        {
            "linkage": line["linkage"],
            "rule": line["rule"],
            "severity": line["severity"],
            "begin_at": line["begin_at_s"],
            "raised_at": line["raised_at_s"],
            "end_at": line["end_at_s"],
            "delay_s": line["raised_at_s"] - line["begin_at_s"],
            "sentence": line["sentence"],
        }
        for line in latest.values()
    )
