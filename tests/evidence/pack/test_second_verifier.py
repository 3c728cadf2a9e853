"""The verifier in JavaScript, which knows docs/format.md alone, agrees with ours on every pack.

It draws no page: where the centre has not signed that, it says that the page is not compared. So does ours of
a page whose version it does not have, as most here.
"""

import random
from pathlib import Path

import pytest
from attrs import evolve

from evidence import keys
from evidence.chain import Code
from evidence.pack import container
from evidence.pack.content import (
    encode_content,
    encode_evidence,
    index_of,
    sign_issue,
)
from provisioning.evidence.check import check
from tests.agent import rig
from tests.evidence.javascript import judge
from tests.evidence.pack.cases import CASES, GOOD, GOOD_BY, PAGE, UNKNOWN_PAGE, pack, zipped
from tests.evidence.pack.packs import CENTRE, CENTRE_KEY, STRANGER

RELEASED = Path(__file__).parents[2] / "e2e" / "version-0.1"
MUTATIONS = 150


def compare(
    files: dict[str, bytes], folder: Path, first: bytes | None = None, centre: bytes = CENTRE_KEY
) -> set[str]:
    """Those that both verifiers call good; in nothing else do they differ either."""
    paths = [folder / f"{at}.zip" for at in range(len(files))]
    for path, raw in zip(paths, files.values(), strict=True):
        path.write_bytes(raw)
    told = judge(paths, centre=centre, **({} if first is None else {"first": first}))
    ours = [check(raw, centre, first) for raw in files.values()]
    differ = []
    for name, mine, theirs in zip(files, ours, told, strict=True):
        if not mine.ok or mine.evidence is None:
            same = not theirs["ok"]
        else:
            found = {
                (one.number, one.code.value)
                for one in mine.evidence.findings
                if one.code not in {Code.REKEYED, Code.REPLACED}  # of statements, which it does not list
            }
            same = theirs["ok"] and found == {(number, code) for number, code in theirs["findings"]}
            same &= theirs["seals"] == sum(len(part.seals) for part in mine.evidence.parts)
            same &= theirs["withheld"] == [at for at, by in mine.evidence.absent.items() if by is None]
            same &= theirs["page"] == ("issued by the centre" if mine.issued else "page not compared")
        if not same:
            differ.append((name, mine.problems or "good", theirs))
    assert differ == []
    return {name for name, one in zip(files, told, strict=True) if one["ok"]}


@pytest.mark.parametrize("known", GOOD_BY)
def test_both_verifiers_agree_on_every_pack(known: str, tmp_path: Path) -> None:
    first, good = GOOD_BY[known]
    assert compare({name: pack(one) for name, one in CASES.items()}, tmp_path, first) == good


def test_the_centres_signature_covers_content_and_page_for_both(tmp_path: Path) -> None:
    whole, other = CASES["under the enrolment"], CASES["not asked for"]
    inner = encode_content(evolve(whole, page=UNKNOWN_PAGE, by_centre=True))
    issue = sign_issue(inner, PAGE, CENTRE)
    swapped = encode_content(evolve(other, page=UNKNOWN_PAGE, by_centre=True))
    made = {
        "issued": (inner, issue, PAGE),
        "another page": (inner, issue, PAGE + b" "),
        "another content": (swapped, issue, PAGE),
        "by a stranger": (inner, sign_issue(inner, PAGE, STRANGER), PAGE),
        "without its issue": (inner, None, PAGE),
        "an issue that none belongs to": (
            encode_content(whole),
            sign_issue(encode_content(whole), PAGE, CENTRE),
            PAGE,
        ),
        "no signature": (inner, b"\xd2", PAGE),
    }
    files = {}
    for name, (one, by, page) in made.items():
        evidence = encode_evidence(one, by)
        files[name] = zipped(evidence, page, index_of(evidence, page))
    assert compare(files, tmp_path) == {"issued"}


def test_no_byte_of_the_container_or_the_index_is_free_for_either(tmp_path: Path) -> None:
    evidence = encode_evidence(b"", None)
    whole = pack(CASES["under the enrolment"])
    inner = len(encode_content(CASES["under the enrolment"]))
    frame = [*range(0, 60, 2), *range(inner + 40, len(whole), 3)]
    files = {f"byte {at}": whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :] for at in frame}
    files |= {f"cut at {at}": whole[:at] for at in range(2, len(whole), 97)}
    files |= {
        "more": whole + b"\x00",
        "twice": whole * 2,
        "another index": zipped(evidence, PAGE, index_of(evidence, b"")),
        "no index": zipped(evidence, PAGE, b""),
        "no entries": container.write({}),
    }
    assert compare(files, tmp_path) == set()


def test_both_verifiers_tell_clocks_bodies_and_records_alike(tmp_path: Path) -> None:
    names = ("before what it refers to", "ahead of its receipt", "lost, withheld, malformed")
    files = [tmp_path / f"{at}.zip" for at in range(len(names))]
    for file, name in zip(files, names, strict=True):
        file.write_bytes(pack(CASES[name], CENTRE))
    behind, ahead, lossy = judge(files, centre=CENTRE_KEY)
    assert [2, "clock_behind"] in behind["findings"]
    assert [5, "clock_ahead"] in ahead["findings"]
    assert (ahead["verdict"], ahead["but"]) == ("good", [])
    assert (lossy["verdict"], lossy["but"]) == ("good, but", ["bodies withheld", "malformed records"])
    assert (lossy["withheld"], lossy["malformed"]) == ([5], 1)


def test_both_verifiers_agree_on_every_mutation_of_a_content(tmp_path: Path) -> None:
    draw = random.Random(7)
    raws = [encode_content(evolve(CASES[name], page=UNKNOWN_PAGE)) for name in sorted(GOOD)]
    files = {}
    for at in range(MUTATIONS):
        raw = bytearray(draw.choice(raws))
        place = draw.randrange(len(raw) if at % 3 else 260)
        if at % 2:
            raw[place] ^= 1 << draw.randrange(8)
        else:
            raw[place : place + draw.randrange(3)] = draw.randbytes(draw.randrange(3))
        files[f"{at}, at {place}"] = pack(bytes(raw))
    assert len(compare(files, tmp_path)) < MUTATIONS / 5


def test_what_version_0_1_exported_is_good_for_the_second_verifier_too(tmp_path: Path) -> None:
    files = {name: (RELEASED / name).read_bytes() for name in ("gateway-pack.zip", "centre-pack.zip")}
    assert compare(files, tmp_path, centre=keys.public(rig.CENTRE)) == set(files)
