"""The verdict of the demo: does the centre hold everything that the agent has sealed, once and unchanged?

The agent's seals are read from its database after each kill and at the end. The centre's chain is read from
its database, exported, and verified from the enrolled first key alone, as a third party would.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from agent.store.gateway import read_seals
from agent.store.names import DATABASE_NAME
from centre.store.sqlite import SqliteStore
from disk.files import open_output
from evidence.pack.export import ExportedSeal, verify_file, write_chain
from evidence.seal import seal_hash
from evidence.words import Words
from provisioning.demo.stage import CENTRE_NAME, Stage
from provisioning.demo.words import PROBLEMS

DEAD_METER: Final = "m6"
DEAD_LINKAGE: Final = "k2"
OFF_LINKAGE: Final = "k1"


@define
class Verified:
    """Everything that the subscriber has verified so far.

    Attributes:
        path: The file that the subscriber appends to, line by line, while this is read.
        seal: The highest seal that a line came from.
        records: How often each record number was printed.
        episodes, findings: Their lines, in order.
        silent: The last reason of each meter whose latest reading is not good.
    """

    path: Path
    readings: int = field(default=0, init=False)
    seal: int = field(default=0, init=False)
    records: Counter[int] = field(factory=Counter, init=False)
    episodes: list[dict[str, Any]] = field(factory=list, init=False)
    findings: list[dict[str, Any]] = field(factory=list, init=False)
    silent: dict[str, str] = field(factory=dict, init=False)
    _offset: int = field(default=0, init=False)

    def read(self) -> None:
        """Read the lines that were written since the last call."""
        with self.path.open("rb") as stream:
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._take(json.loads(line))

    def _take(self, line: dict[str, Any]) -> None:
        if "record" in line:
            self.records[line["record"]] += 1
            self.seal = max(self.seal, line["seal"])
        if line["type"] == "reading":
            self.readings += 1
            if line["quality"] == "good":
                self.silent.pop(line["meter"], None)
            else:
                self.silent[line["meter"]] = line["reason"]
        elif line["type"] == "episode":
            self.episodes.append(line)
        elif line["type"] == "finding":
            self.findings.append(line)


@frozen
class Verdict:
    """The result of the demo.

    Attributes:
        seals, verified_seals: In the agent's database; of these, held and verified by the centre.
        lost: Seals that the centre does not hold, and records of its seals that were not printed.
        duplicates: Records that were printed more than once.
        readings: Verified readings.
        episodes: Each in its last state.
        problems: Why the demo failed, one line each.
    """

    seals: int
    verified_seals: int
    lost: int
    duplicates: int
    readings: int
    episodes: tuple[dict[str, Any], ...]
    problems: tuple[Words, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was lost, duplicated or wrongly found."""
        return not self.problems


def read_sealed(stage: Stage) -> dict[int, bytes]:
    """The seals in the agent's database now: number and hash."""
    database = stage.site.path(stage.site.store.path) / DATABASE_NAME
    return {seal.number: seal.hash for seal in read_seals(database)}


def judge(stage: Stage, first_key: bytes, seen: Mapping[int, bytes], verified: Verified) -> Verdict:
    """Compare the agent's seals (`seen`, over all of its starts) with what the centre holds."""
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
    episodes = _keep_latest(verified.episodes)
    duplicates = sum(times - 1 for times in verified.records.values())
    wrong = (
        (report.error, PROBLEMS["unverified"].fill(error=report.error)),
        (report.absent, PROBLEMS["absent"].fill(count=report.absent)),
        (forks, PROBLEMS["forks"].fill(count=len(forks))),
        (len(seen) - good, PROBLEMS["not there"].fill(count=len(seen) - good)),
        (missing, PROBLEMS["not printed"].fill(count=missing)),
        (duplicates, PROBLEMS["doubled"].fill(count=duplicates)),
        *_check_findings(episodes, verified),
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


def _check_findings(episodes: Sequence[Mapping[str, Any]], verified: Verified) -> list[tuple[bool, Words]]:
    rules = {(episode["linkage"], episode["rule"]) for episode in episodes}
    violations = [(one["linkage"], one["rule"]) for one in episodes if one["severity"] == "violation"]
    false = [one for one in violations if one != (OFF_LINKAGE, "off")]
    return [
        ((OFF_LINKAGE, "off") not in rules, PROBLEMS["not found"]),
        (bool(false), PROBLEMS["false"].fill(which=false)),
        ((DEAD_LINKAGE, "data_loss") not in rules, PROBLEMS["no data loss"]),
        (DEAD_METER not in verified.silent, PROBLEMS["alive"].fill(meter=DEAD_METER)),
    ]


def _keep_latest(lines: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
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
