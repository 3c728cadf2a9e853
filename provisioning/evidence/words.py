"""The verdict on an evidence pack, for scripts and for a terminal."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from disk.plain_text import one_line
from evidence.chain import Finding
from evidence.moments import iso_utc
from evidence.pack.content import PAGE_NAME
from evidence.pack.proved import Evidence, Part, Rest
from evidence.words import Words
from provisioning.evidence.check import Checked
from provisioning.evidence.ordered import tell_orders
from provisioning.evidence.page import PAGE_VERSION
from provisioning.evidence.verdict import (
    count_seals,
    find_malformed,
    find_withheld,
    list_withheld,
    say_verdict,
)
from provisioning.words.labels import label_outside
from provisioning.words.language import translate
from provisioning.words.numbers import RULES

WORDS: Final = {"episode": Words("事件 {id}：{rule}，{state}", "episode {id}: {rule}, {state}")}


def summary(checked: Checked, raw: bytes) -> dict[str, Any]:
    """The verdict for JSON."""
    known: dict[str, Any] = {
        "ok": checked.ok,
        "problems": list(checked.problems),
        "bytes": len(raw),
        "sha256": sha256(raw).hexdigest(),
    }
    evidence, story = checked.evidence, checked.story
    if evidence is None or story is None:
        return known
    asked, window = evidence.content.question, evidence.window
    return {
        **known,
        "gateway": evidence.content.gateway,
        "issued_by_centre": checked.issued,
        "enrolment": evidence.enrolment is not None,
        "from": iso_utc(asked.from_ms),
        "to": iso_utc(asked.to_ms),
        "window": [asked.first, asked.last],
        "seals": sum(len(part.seals) for part in evidence.parts),
        "records": sum(seal.header.count for seal in window if seal.records is not None),
        "readings": story.readings,
        "absent": sorted(evidence.absent),
        "verdict": _say(checked),
        "withheld": [list(span) for span in find_withheld(evidence)],
        "malformed": len(find_malformed(evidence)),
        "page_is_proved": checked.page_is_proved,
        "rests_on": [
            {"first": part.first, "last": part.last, "on": part.rests.value, "receipts": list(part.receipted)}
            for part in evidence.parts
        ],
        "episodes": [
            {
                "id": id_,
                "rule": one.body.get("rule"),
                "state": one.body.get("state"),
                "seals": list(one.seals),
                "sentence": one.body.get("sentence"),
            }
            for id_, one in story.episodes.items()
        ],
        "orders": [one.to_body() for one in checked.orders],
        "findings": [
            {"code": one.code.value, "seal": one.number, "text": one.text} for one in _list_findings(evidence)
        ],
        "evidence_sha256": evidence.digest.hex(),
    }


def _rests(part: Part) -> str:
    """What a part rests on; of receipts, the first and the last."""
    numbers = part.receipted
    if part.rests is not Rest.RECEIPT:
        return part.rests.value
    ends = dict.fromkeys((numbers[0], numbers[-1]))
    named = f"receipt for seal {' and '.join(map(str, ends))}"
    return named if len(numbers) == len(ends) else f"{named}, and {len(numbers) - len(ends)} between"


def lines(checked: Checked, raw: bytes) -> list[str]:
    """The verdict for people."""
    evidence, story = checked.evidence, checked.story
    known = [f"sha256 {sha256(raw).hexdigest()}"]
    if evidence is not None and story is not None:
        asked, window = evidence.content.question, evidence.window
        records = sum(seal.header.count for seal in window if seal.records is not None)
        known += [
            f"gateway {evidence.content.gateway}, {iso_utc(asked.from_ms)} to {iso_utc(asked.to_ms)}",
            f"window: seals {asked.first} to {asked.last}, {records} records, {story.readings} readings",
            *(f"seals {part.first} to {part.last} rest on the {_rests(part)}" for part in evidence.parts),
            *([f"bodies absent: {len(evidence.absent)} of the window"] if evidence.absent else []),
            *list_withheld(find_withheld(evidence)),
            *(_say_episode(id_, one.body) for id_, one in story.episodes.items()),
            *(f"seal {one.number}: {one.code.value}: {one.text}" for one in _list_findings(evidence)),
            "enrolment: " + ("signed by the centre" if evidence.enrolment else "not in the pack"),
            "made by: " + ("the centre, which signed all of it" if checked.issued else "a gateway"),
            f"evidence {evidence.digest.hex()}",
            *_list_page(checked),
            *tell_orders(checked.orders),
        ]
    return [*known, f"verdict: {_say(checked)}"]


def _say_episode(id_: str, body: Mapping[str, Any]) -> str:
    rule, state = body.get("rule"), body.get("state")
    known = RULES.get(rule) if isinstance(rule, str) else None
    named = one_line(str(rule)) if known is None else translate(known)
    return translate(WORDS["episode"], id=id_, rule=named, state=label_outside(state))


def _list_findings(evidence: Evidence) -> list[Finding]:
    """All findings, in the order of the seals."""
    return sorted((*evidence.findings, *evidence.attestations), key=lambda one: one.number)


def _say(checked: Checked) -> str:
    evidence = checked.evidence
    if evidence is None:
        return say_verdict(checked.ok, 0, 0)
    page = "" if checked.page_is_proved else f"its {PAGE_NAME} is not compared"
    return say_verdict(checked.ok, count_seals(find_withheld(evidence)), len(find_malformed(evidence)), page)


def _list_page(checked: Checked) -> list[str]:
    """What to say of a page that nothing proves."""
    if checked.page_is_proved or checked.evidence is None:
        return []
    drawn, mine = checked.evidence.content.page, PAGE_VERSION
    why = f"{PAGE_NAME} is drawn as version {drawn} did it, and this program draws {mine}"
    return [f"page: {why}: do not rely on it; --html FILE draws the page of this evidence anew"]
