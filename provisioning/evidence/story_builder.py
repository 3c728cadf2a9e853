"""Builds the story of an evidence pack out of its verified records, ready to be drawn.

Takes only evidence whose every signature and hash holds (`evidence.pack.proof`), and is
deterministic. Readings are decoded as the centre decodes them (`centre.json_lines`), with the point tables of
the gateway's own manifest; loads are summed as the agent sums them (`agent.judging.line_power`); and the
detector is run over them again, with the parameters of the manifest, for the states and a second opinion.
It starts without a past at the begin of the window, so what it does not find again is no contradiction.

A gateway signs whatever its owner may have put in. No record is trusted to be well formed: what cannot be
understood is shown as such.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from agent.detect.detector import Detector
from agent.judging.line_power import LinePower, LinePowers, meter_power
from agent.site.file import ConfigError, parse_site
from agent.site.linkages import find_hold_s, incomer_of, linkages_of
from agent.site.manifest import read_site_text
from agent.site.setups import lines_of
from centre.json_lines import CONFIG, JsonLine, JsonLines
from disk.tables import TableError
from drivers.reading import PollGroup, Quality
from evidence.chain import Code
from evidence.moments import zone_s
from evidence.pack.proved import Evidence, ProvedSeal
from provisioning.evidence.story import (
    MS_PER_S,
    OTHERS_MAX,
    TEXT_MAX,
    AttestationNote,
    ChangeNote,
    MeterStory,
    OtherRecord,
    RecordedEpisode,
    Story,
    TamperNote,
)
from provisioning.learning.states import States
from provisioning.pages.plot_data import Load
from provisioning.words.tamper import describe_tamper

KEY_DIGITS: Final = 16
"""Of a key's hash: enough to see that it is the same one."""
_HEAD: Final = {"type", "gateway", "seal", "record", "at"}


def build_story(evidence: Evidence) -> Story:
    """The story of `evidence`."""
    builder = _Builder(Story(evidence))
    asked = evidence.content.question
    for part in evidence.parts:
        for seal in part.seals:
            if seal.records is not None:
                builder.take_seal(seal, inside=asked.first <= seal.header.number <= asked.last)
    return builder.finish()


@define
class _Builder:
    story: Story
    _lines: JsonLines = field(init=False)
    _span_ms: tuple[int, int] = field(init=False)
    _columns: int = field(init=False)
    _feed: LinePowers = field(init=False, factory=lambda: LinePowers({}))
    _detector: Detector | None = field(init=False, default=None)
    _states: States = field(init=False, factory=States)
    _latest: dict[str, LinePower] = field(init=False, factory=dict)
    _judged_lines: set[str] = field(init=False, factory=set)
    _now_s: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        evidence = self.story.evidence
        hashes = {seal.header.number: seal.hash for part in evidence.parts for seal in part.seals}
        self._lines = JsonLines(evidence.content.gateway, hashes.get)
        self._span_ms, self._columns = self.story.span_ms, self.story.columns

    def take_seal(self, seal: ProvedSeal, *, inside: bool) -> None:
        """Take the records of a seal; `inside` the window, or only needed to understand it."""
        assert seal.records is not None
        lines = self._lines.of_body(seal.header, seal.records)
        while self._lines.is_behind and not self._lines.over:
            lines += self._lines.go_on()
        for line in lines:
            self._take_line(line, seal, inside=inside)
        if self._lines.over:
            self._keep(OtherRecord(seal.header.number, "", "finding", self._lines.over))
            self._lines.over = ""
        if inside:
            self._run_detector(self._advance, seal.header.number)

    def finish(self) -> Story:
        """All of it."""
        self.story.states = self._states.spans()
        return self.story

    def _take_line(self, line: JsonLine, seal: ProvedSeal, *, inside: bool) -> None:
        kind = line["type"]
        if kind == "reading":
            if inside:
                self._take_reading(line)
        elif kind == "episode":
            self._take_episode(line)
        elif kind == "finding" and line["code"] in {Code.ATTESTATION, CONFIG}:
            self._take_finding(line)
        elif kind == "record" and line["kind"] == "manifest":
            asked = self.story.evidence.content.question
            self._take_manifest(line["body"], max(seal.header.utc_ms, asked.from_ms))
        elif kind == "record" and line["kind"] == "attestation":
            self._note_attestation(line["seal"], line["body"])
        elif inside and line.get("kind") != "heartbeat":
            self._note_other(line)

    def _take_finding(self, line: JsonLine) -> None:
        """A finding of the decoder that has a place of its own on the page."""
        if line["code"] == CONFIG:
            if len(self.story.changes) < OTHERS_MAX:
                self.story.changes.append(ChangeNote(line["seal"], line["text"]))
            return
        for one in self.story.attestations[-1:]:  # it follows its record at once
            one.wrong = line["text"] if one.seal == line["seal"] else one.wrong

    def _note_other(self, line: JsonLine) -> None:
        """What is neither a reading nor anything with a part of the page for itself."""
        is_finding = line["type"] == "finding"
        if line.get("kind") == "tamper" and not is_finding and self._note_tamper(line):
            return
        text = line["text"] if is_finding else _shorten(line["body"])
        self._keep(OtherRecord(line["seal"], line.get("at", ""), line.get("kind", "finding"), text))

    def _note_tamper(self, line: JsonLine) -> bool:
        """Keep a TAMPER record that has a sentence, while there is room; whether it was kept."""
        text = describe_tamper(line["body"])
        if text is None or len(self.story.tampering) >= OTHERS_MAX:
            return False
        self.story.tampering.append(TamperNote(line["seal"], line.get("at", ""), text))
        return True

    def _note_attestation(self, seal: int, body: Mapping[str, Any]) -> None:
        if len(self.story.attestations) < OTHERS_MAX:
            key = sha256(str(body.get("ak")).encode()).hexdigest()[:KEY_DIGITS]
            self.story.attestations.append(AttestationNote(seal, str(body.get("seal"))[:KEY_DIGITS], key))

    def _keep(self, noted: OtherRecord) -> None:
        if len(self.story.others) < OTHERS_MAX:
            self.story.others.append(noted)
        else:
            self.story.others_left_out += 1

    def _take_episode(self, line: JsonLine) -> None:
        body = {key: value for key, value in line.items() if key not in _HEAD}
        before = self.story.episodes.get(str(body.get("id")))
        asked = self.story.evidence.content.question
        if asked.linkage and asked.linkage != body.get("linkage") and asked.episode != body.get("id"):
            return
        seals = (*(before.seals if before else ()), line["seal"])
        self.story.episodes[str(body.get("id"))] = RecordedEpisode(body, seals)

    def _take_manifest(self, body: Mapping[str, Any], at_s: float) -> None:
        text = _read_site(body)
        if text is None:
            return
        story = self.story
        story.version = str(body.get("version", ""))[:TEXT_MAX]
        try:
            site = parse_site(text, Path("manifest"))
            params = linkages_of(site)
            incomer = incomer_of(site, params)
        except (TableError, ConfigError, RecursionError):
            return  # written by another version, or by somebody who wants to hide: there is no drawing
        story.site, story.offset_s = site, zone_s(site.site.utc_offset)
        before, self._feed = self._feed, LinePowers(lines_of(site), find_hold_s(site))
        self._feed.restore(before.state())
        known = {name: steps[-1][1] for name, steps in story.params.items()}
        if known != {one.linkage: one for one in params} or self._detector is None:
            self._detector = Detector(params, incomer) if params else None
            self._judged_lines = {line.id for one in params for line in one.lines}
            self._judged_lines |= {incomer.incomer.id, *incomer.lines} if incomer else set()
        for one in params:
            steps = story.params.setdefault(one.linkage, [])
            story.loads.setdefault(one.linkage, (Load.of(story.columns), Load.of(story.columns)))
            if not steps or steps[-1][1] != one:
                steps.append((at_s if steps else 0.0, one))

    def _take_reading(self, line: JsonLine) -> None:
        story = self.story
        story.readings += 1
        meter = story.meters.setdefault(line["meter"], MeterStory(str(line["line"] or "")))
        if line["quality"] != Quality.GOOD.value:
            meter.bad += 1
            reason = str(line.get("reason", ""))
            if reason in meter.reasons or len(meter.reasons) < OTHERS_MAX:
                meter.reasons[reason] = meter.reasons.get(reason, 0) + 1
            return
        meter.good += 1
        at_s = _to_seconds(line["at"])
        if line["group"] != PollGroup.FAST.value or at_s is None:
            return
        power = self._feed.power(line["meter"], at_s, meter_power(line["values"]))
        if power is not None:
            self._add_power(power, line["seal"])

    def _add_power(self, power: LinePower, seal: int) -> None:
        self._latest[power.line] = power
        begin_s, end_s = (at_ms / MS_PER_S for at_ms in self._span_ms)
        column = int((power.at_s - begin_s) / (end_s - begin_s) * self._columns)
        for linkage, steps in self.story.params.items():
            sides = steps[-1][1].production, steps[-1][1].treatment
            for load, lines in zip(self.story.loads[linkage], sides, strict=True):
                ids = [line.id for line in lines]
                parts = [self._latest.get(id_) for id_ in ids]
                hold_s = self._feed.hold_s
                fresh = [part.watts for part in parts if part and abs(power.at_s - part.at_s) <= hold_s]
                if power.line in ids and len(fresh) == len(ids) and 0 <= column < self._columns:
                    load.add(column, sum(fresh))
        self._now_s = max(self._now_s, power.at_s)
        if power.line in self._judged_lines:
            more = {"pf": power.pf, "current_a": power.current_a, "voltage_v": power.voltage_v}
            self._run_detector(lambda one: one.sample(power.line, power.at_s, power.watts, **more), seal)
            phase = power.lost_phase
            if phase is not None:
                self._run_detector(lambda one: one.mark_phase(power.line, phase), seal)

    def _advance(self, detector: Detector) -> None:
        if self._now_s:
            self.story.found_again |= {episode.id: episode for episode in detector.advance(self._now_s)}
            self._states.note(self._now_s, detector)

    def _run_detector(self, look: Callable[[Detector], object], seal: int) -> None:
        """Run the detector; an error in it ends its second opinion, not the check."""
        if self._detector is None:
            return
        try:
            look(self._detector)
        except Exception as error:  # noqa: BLE001 - the readings are an adversary's
            self._detector = None
            text = f"the detector cannot judge this: {type(error).__name__}"
            self._keep(OtherRecord(seal, "", "finding", text))


def _read_site(body: Mapping[str, Any]) -> str | None:
    """The site file of a manifest whose byte strings are hexadecimal text."""
    deflated = body.get("site_deflated")
    packed = {"site_deflated": bytes.fromhex(deflated)} if isinstance(deflated, str) else {}
    return read_site_text({**body, **packed})


def _to_seconds(at: str) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:  # beyond the calendar
        return None


def _shorten(body: Mapping[str, Any]) -> str:
    text = "; ".join(f"{name}: {value}" for name, value in body.items())
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + " …"
