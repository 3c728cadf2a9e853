"""Every later program compares the page of an evidence pack byte for byte: it must not change unseen."""

from hashlib import sha256
from pathlib import Path

import pytest

from drivers.points.model import Model, load
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.chain import Code, Finding
from evidence.pack.content import encode_content
from evidence.record import Kind, encode_reading, encode_record
from provisioning.evidence.check import check, make_pack
from provisioning.evidence.page import PAGE_VERSION, draw_evidence_page
from provisioning.evidence.tables import _say_loss
from tests.agent.rig import SITE
from tests.evidence.chains import NOON_NS, Chain, stamp
from tests.evidence.pack import packs

PAGES = {
    1: "f911562172d9f6c4a92db7edd90db580a8c3c126638feb48741d492af1af1aa8",
    2: "93f8848054a9b68c2b0435a3fa719dfbc7fefbeb5ecd56f52b0d446fd45d6e88",
    3: "d8c3414350f2c78f87cea35053b03e0db92fb6e0183675b6bcacb114ff5a310e",
    4: "406665bc1c0d8dc251ce9608c5be5a3342897ea167b52c0b4feea72a824a779b",
    5: "fab89419b6839295ea44ff9fd66239c9fc267d0cce3af4b08f14013e619faadc",
}
"""SHA-256 of the page below, by PAGE_VERSION. Never change an entry: packs that people keep are compared with
it. A page that is drawn otherwise is another version, with an entry of its own."""
NOON_S = NOON_NS // 10**9
EPISODE = {
    "id": f"k1-off-{NOON_S + 60}",
    "linkage": "k1",
    "lines": ["p1", "t1"],
    "rule": "off",
    "severity": "violation",
    "begin_at_s": NOON_S + 60,
    "raised_at_s": NOON_S + 120,
    "end_at_s": None,
    "state": "raised",
    "numbers": {
        "production_w": 30_000, "treatment_w": 0, "treatment_on_w": 1400, "correlation": 0.5,
        "correlation_undefined": "", "correlated_minutes": 90, "lag_s": 40, "learned_to_s": NOON_S,
    },
    "sentence": {"zh": "治污设施异常关闭。", "en": "Treatment went off."},
    "trace": {"begin_at_s": NOON_S, "production_w": [30_000, None], "treatment_w": [12_000, 0]},
    "params_hash": "00",
    "retrospective": False,
}  # fmt: skip

SWAPPED = {"what": "meter swapped", "meter": "mp", "point": "serial_number", "was": 77, "now": 78}


def drawn(site: str = SITE) -> bytes:
    """A page with everything on it: loads, an episode, a gap, something absent, a clock, a bad reading."""
    whole = load("eastron-sdm630")
    model = Model("one", points=tuple(point for point in whole.points if point.name == "active_power"))
    point = model.points[0]
    meters = {
        name: {"model": model.hash[:8], "unit_id": unit, "bus": "b1", "line": line}
        for name, unit, line in (("mp", 1, "p1"), ("mt", 2, "t1"))
    }
    made = Chain()
    manifest = {"site": site, "version": "1.0", "meters": meters, "linkages": {}, "feed": None}
    seals = [
        made.seal(
            [
                encode_record(Kind.MANIFEST, stamp(), manifest),
                encode_record(Kind.MANIFEST, stamp(), {"models": {model.hash[:8].hex(): model.table()}}),
            ],
            stamp(1),
        )
    ]
    for second in range(10, 130, 10):
        at = stamp(second, offset_s=5 if second > 80 else 0)
        records = []
        for meter, watts in (("mp", 30_000.0), ("mt", 12_000.0 if second < 60 else 0.0)):
            words = point.encode(watts, exponent=0, ratio=1.0)
            block = Block(point.function, point.address, words)
            good = second != 100
            records.append(
                encode_reading(
                    Reading(
                        meter,
                        PollGroup.FAST,
                        at,
                        model.hash,
                        (block,) if good else (),
                        Quality.GOOD if good else Quality.BAD,
                        "" if good else "no answer",
                    )
                )
            )
        seals.append(made.seal(records, at))
    late = stamp(400)
    told = [encode_record(Kind.EPISODE, late, EPISODE), encode_record(Kind.EVENT, late, {"what": "door"})]
    told += [encode_record(Kind.TAMPER, late, body) for body in (SWAPPED, {"what": "meter sings"})]
    lost = encode_record(Kind.DROP, late, {"first": 5, "last": 5, "why": "room"})
    seals += [made.seal([*told, lost], late)]
    one = packs.content(
        packs.run(seals, bare=[5, 6]),
        first=1,
        last=len(seals),
        question=packs.Question(packs.NOON_MS, packs.NOON_MS + 420_000, 1, len(seals)),
        statements=(packs.enrolment(),),
        receipts=(packs.receipt(seals[3]),),
    )
    pack, _ = make_pack(encode_content(one), packs.CENTRE_KEY, None, None)
    story = check(pack, packs.CENTRE_KEY).story
    assert story is not None
    return draw_evidence_page(story)


def test_a_page_that_changes_is_another_version(tmp_path: Path) -> None:
    page = drawn()
    told = (
        "电表mp：序列号由 77 变为 78",
        "meter mp: the serial number was 77",
        "meter sings",
        "异常关闭",
        "given up by the gateway",
        "no sealed record says why",
        "no answer",
        "wall clock",
    )
    for text in told:
        assert text in page.decode(), text
    (tmp_path / "page.html").write_bytes(page)  # to look at
    assert sha256(page).hexdigest() == PAGES[PAGE_VERSION]


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([(Code.DROP, ": no room")] * 2, "given up by the gateway for want of room"),
        ([(Code.DROP, ": pump: no room")], "given up by the gateway: pump: no room"),
        ([(Code.DROP, ": damaged"), (Code.LOST_TAIL, "")], "damaged on the gateway's disk; lost by the disk"),
        (
            [(Code.DROP, ": no room"), (Code.DROP, ": damaged")],
            "given up by the gateway for want of room; damaged on the gateway's disk",
        ),
        ([], "lost"),
    ],
)
def test_all_that_a_seal_says_of_what_is_lost_is_told(losses: list[tuple[Code, str]], said: str) -> None:
    findings = [Finding(code, f"bodies of seals 5 to 5 are lost{why}", 9) for code, why in losses]
    assert _say_loss(findings).en == said
