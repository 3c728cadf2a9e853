"""What a fleet was promised against what the store has: every receipt kept, no fork, no double."""

from itertools import pairwise
from typing import Any

from attrs import define, field

from centre.store.journal import SHIFT
from centre.store.place import Place, open_to_read
from evidence.chain import ChainState


@define
class Audit:
    """Counts; all but `seals` are 0 where all is well.

    Attributes:
        seals: In the store.
        missing: Receipted and not there, or there with another hash.
        holes: Numbers that a chain in the store leaves out.
        doubles: Rows of a seal beyond its first.
        arrivals: Bodies that came into the journal more than once, or never.
        forks: Of all gateways.
        alarms: A fleet's own about forks and disks that were put back.
    """

    seals: int = 0
    missing: int = 0
    holes: int = 0
    doubles: int = 0
    arrivals: int = 0
    forks: int = 0
    alarms: int = 0
    wrong: list[str] = field(factory=list)

    @property
    def is_good(self) -> bool:
        """Whether all is well."""
        return not (self.missing or self.holes or self.doubles or self.arrivals or self.forks or self.alarms)


def audit(place: Place, *results: dict[str, Any]) -> Audit:
    """Compare what the fleets say with the store as it is now."""
    found = Audit()
    store = open_to_read(place)
    try:
        rows = store.read("SELECT id, name, state FROM gateways", ())
        names = {id_: name for id_, name, _ in rows}
        states = {name: ChainState.from_cbor(state) for _, name, state in rows}
        ats = [at for (at,) in store.read("SELECT at FROM seals ORDER BY at", ())]
        bodies = [at for (at,) in store.read("SELECT at FROM journal WHERE what IN (2, 3) ORDER BY at", ())]
        found.forks = store.read("SELECT count(*) FROM forks", ())[0][0]
    finally:
        store.close()
    found.seals = len(ats)
    found.doubles = sum(one == other for one, other in pairwise(ats))
    found.arrivals = sum(one == other for one, other in pairwise(bodies))
    for one, other in pairwise(ats):
        found.holes += one // SHIFT == other // SHIFT and other - one > 1
    counts: dict[str, int] = {}
    for at in set(ats):
        counts[names[at // SHIFT]] = max(counts.get(names[at // SHIFT], 0), at % SHIFT)
    kept = set(bodies)
    ids = {name: id_ for id_, name in names.items()}
    for result in results:
        for name, one in result["gateways"].items():
            found.alarms += one["alarms"]
            state, number = states.get(name), one["receipted"]
            if number and (state is None or counts.get(name, 0) < number):
                found.missing += number - counts.get(name, 0)
                found.wrong.append(name)
            elif number and state is not None and state.number == number and state.hash.hex() != one["hash"]:
                found.missing += 1
                found.wrong.append(name)
            else:
                lost = [n for n in range(1, number + 1) if ids[name] * SHIFT + n not in kept]
                found.arrivals += len(lost)
    return found
