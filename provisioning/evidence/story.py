"""What is drawn of an evidence pack; `story_builder` fills it from verified records."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from attrs import define, field, frozen

from agent.detect.episode import Episode
from agent.detect.params import LinkageParams
from agent.detect.slots import HOLD_S
from agent.site.file import Place, Site
from evidence.moments import local_text, zone_s
from evidence.pack.proved import Evidence, ProvedSeal
from evidence.seal import FIRST_NUMBER
from evidence.words import Words
from provisioning.learning.states import LinkageStates
from provisioning.pages.plot_data import Load

COLUMNS_MAX: Final = 360
"""Of a load in a drawing: more than a reader sees, few enough for a small file."""
OTHERS_MAX: Final = 500
"""Lines of the list of other records; the rest is counted."""
MS_PER_S: Final = 1000
EDGE_MS: Final = 60_000
"""Room beside what is drawn."""
SAME_S: Final = 60
"""Two findings of one rule that begin within this are the same."""
_QUIET: Final = LinkageStates((), (), ())
TEXT_MAX: Final = 400
"""Of a record in a list."""


@frozen
class OtherRecord:
    """A record that is no reading, heartbeat, manifest or episode, or something that cannot be understood."""

    seal: int
    at: str
    kind: str
    text: str


@frozen
class TamperNote:
    """What a TAMPER record says of a meter."""

    seal: int
    at: str
    text: Words


@frozen
class ChangeNote:
    """A change of the site file, as the manifest of `seal` shows it; `text` is the centre's finding."""

    seal: int
    text: str


@define
class AttestationNote:
    """An attestation by a TPM, in `seal` over `over`; `wrong` is "" where it holds."""

    seal: int
    over: str
    key: str
    wrong: str = ""


@define
class MeterStory:
    """A meter in the window: where it is and how often it answered."""

    line: str
    good: int = 0
    bad: int = 0
    reasons: dict[str, int] = field(factory=dict)


@frozen
class RecordedEpisode:
    """An episode on record: its last body, and the seals that carry it."""

    body: dict[str, Any]
    seals: tuple[int, ...]


@define
class Story:
    """What is to be drawn.

    Attributes:
        site: The site file of the newest manifest, None where there is none that can be read.
        version: Of the software, by its own manifest.
        params: The parameters of each linkage and the time they began, UTC seconds.
        loads: Of each linkage, production and treatment.
        found_again: What the detector finds in only the readings of the window.
    """

    evidence: Evidence
    offset_s: int = field(factory=lambda: zone_s(Place().utc_offset))
    site: Site | None = None
    version: str = ""
    meters: dict[str, MeterStory] = field(factory=dict)
    params: dict[str, list[tuple[float, LinkageParams]]] = field(factory=dict)
    loads: dict[str, tuple[Load, Load]] = field(factory=dict)
    states: dict[str, LinkageStates] = field(factory=dict)
    episodes: dict[str, RecordedEpisode] = field(factory=dict)
    found_again: dict[str, Episode] = field(factory=dict)
    attestations: list[AttestationNote] = field(factory=list)
    tampering: list[TamperNote] = field(factory=list)
    changes: list[ChangeNote] = field(factory=list)
    others: list[OtherRecord] = field(factory=list)
    others_left_out: int = 0
    readings: int = 0

    @property
    def span_ms(self) -> tuple[int, int]:
        """What is drawn: the window, without hours before the first seal of all or behind the last one."""
        asked, window = self.evidence.content.question, self.evidence.window
        begin_ms, end_ms = asked.from_ms, asked.to_ms
        if asked.first == FIRST_NUMBER:
            begin_ms = max(begin_ms, min(window[0].header.utc_ms, end_ms) - EDGE_MS)
        end_ms = max(begin_ms + EDGE_MS, min(end_ms, window[-1].header.utc_ms + EDGE_MS))
        return begin_ms, end_ms

    @property
    def columns(self) -> int:
        """Of a load; none is shorter than a value stands for the present, so that there are no holes."""
        begin_ms, end_ms = self.span_ms
        return max(1, min(COLUMNS_MAX, int((end_ms - begin_ms) / MS_PER_S / HOLD_S)))

    def states_of(self, linkage: str) -> LinkageStates:
        """When its lines were on."""
        return self.states.get(linkage, _QUIET)

    def local(self, at_ms: float) -> str:
        """A time in the plant's zone."""
        return local(at_ms, self.offset_s)


def local(at_ms: float, offset_s: int) -> str:
    """A time in the plant's zone; one beyond the calendar stays a number."""
    try:
        return local_text(at_ms / MS_PER_S, offset_s)
    except (ArithmeticError, ValueError, OSError):
        return f"{at_ms} ms"


def find_again(story: Story, body: Mapping[str, Any]) -> Episode | None:
    """What the detector found again of an episode on record."""
    for one in story.found_again.values():
        is_alike = (one.linkage, one.rule.value) == (body.get("linkage"), body.get("rule"))
        if is_alike and abs(one.begin_at_s - body["begin_at_s"]) <= SAME_S:
            return one
    return None


def find_gaps(window: Sequence[ProvedSeal], silent_ms: float) -> Iterator[tuple[int, int, int]]:
    """Where the gateway made no seal for longer than `silent_ms`: from, to (UTC, ms), and the seal behind it.

    Within one boot the time since boot counts: a clock that was set neither makes a gap nor hides one.
    """
    for before, after in pairwise(one.header for one in window):
        gap_ms = after.utc_ms - before.utc_ms
        if after.boot_id == before.boot_id:
            gap_ms = after.boottime_ms - before.boottime_ms
        if gap_ms > silent_ms:
            yield before.utc_ms, before.utc_ms + gap_ms, after.number
