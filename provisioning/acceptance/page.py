"""The acceptance sheet as one HTML file for A4, from the journal of a setup, for three parties to sign.

The same journal, site file, photos and version give the same bytes. The sheet cannot name its own hash; its
foot says how to compute it and that a record of the gateway's chain has it.
"""

import base64
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from attrs import frozen

from agent.site.file import Site
from evidence.words import Words
from provisioning.acceptance import parts
from provisioning.acceptance.trial import local
from provisioning.journal.entries import STEPS, Journal, Photo, find_last_trial, find_last_wiring
from provisioning.pages.html import Html, join, markup
from provisioning.pages.paper import code, heading, isolated, paper, to_html

PHOTO_BYTES_MAX: Final = 400_000
"""Largest printed picture, as a phone makes at a small setting; of larger ones only the hash is printed."""
PHOTOS_BYTES_MAX: Final = 6_000_000
"""All pictures of a sheet together, so that it can still be sent by mail."""
_FORMATS: Final = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
SHEET_NAME: Final = "acceptance.html"
SUMMARY_MAX: Final = 400
"""Characters of the summary, which lists what is still to be done."""
_COUNTED: Final = Words(
    "电表{meters}块，接线正常{good}块；线路{lines}条，启停试验跟随{follow}条",
    "{meters} meters, {good} wired correctly; {lines} lines, {follow} follow in the on/off test",
)
_LEFT: Final = Words("{text}；待处理：{which}", "{text}; to be done: {which}")
_CHECK: Final = Words(
    "本单为一个文件，其SHA-256作为一条记录签封在网关的链中；改动一个字，哈希即不同。纸面上的签字属于与此哈希相符的文件。"
    "核验：先算出文件的哈希，再在导出的链中查找：",
    "This sheet is one file whose SHA-256 is sealed as a record in the chain of the gateway; one changed "
    "letter makes another hash. The signatures on paper belong to the file with that hash. To check, compute "
    "the hash of the file and look for it in the exported chain:",
)


@frozen
class Picture:
    """A photo's file as it is now; `data` is b"" if it is too large to be printed."""

    size: int
    sha256: str
    data: bytes


def draw_sheet(journal: Journal, site: Site, photos: Mapping[str, Picture], version: str) -> bytes:
    """The whole sheet; `photos` are the pictures found, by their path in the journal."""
    name = journal.site.name or site.site.name or journal.site.enterprise or site.site.gateway
    return paper(
        Words(f"验收单 {name}", "Acceptance sheet"), _draw_body(journal, site, photos, version)
    ).encode()


def _draw_body(journal: Journal, site: Site, photos: Mapping[str, Picture], version: str) -> Iterator[Html]:
    name = journal.site.enterprise or journal.site.name or site.site.name or site.site.gateway
    yield markup("<h1>{}</h1>", to_html(Words("在线监测验收单", "Acceptance sheet")))
    yield markup(
        '<p><strong>{}</strong> <span class="dim">{}</span> \n<span class="dim">{}</span></p>',
        isolated(name),
        code(journal.site.gateway),
        _format_days(journal, site),
    )
    yield _draw_summary(journal)
    yield from parts.draw_place(journal, site)
    site_hash = sha256(site.text.encode()).hexdigest()
    yield from parts.draw_fingerprints(journal, site, site_hash, version)
    yield from parts.draw_page(site)
    yield from parts.draw_receipt(journal, site)
    yield from parts.draw_lines(journal)
    yield from parts.draw_meters(journal)
    yield from parts.draw_verification(journal, site)
    yield from parts.draw_wiring(journal, site)
    yield from parts.draw_trials(journal, site)
    yield from parts.draw_commissioning(journal, site)
    yield from _draw_photos(journal, photos)
    yield from parts.draw_skipped(journal)
    yield Html('<div class="last">')
    yield from _draw_signatures()
    yield _draw_foot(journal, site)
    yield Html("</div>")


def _format_days(journal: Journal, site: Site) -> Html:
    """The days from the first step to the last, in the plant's zone."""
    days = sorted(local(at, parts.offset_s(site), "%Y-%m-%d") for at in journal.steps.values())
    if not days:
        return Html("")
    return isolated(days[0] if days[0] == days[-1] else f"{days[0]} – {days[-1]}")


def _draw_summary(journal: Journal) -> Html:
    """A one-sentence summary, in the colour of the worst result."""
    last = {meter.id: find_last_wiring(journal, meter.id) for meter in journal.meters}
    bad = [id_ for id_, one in last.items() if one is not None and one.verdict == "mistake"]
    trials = [find_last_trial(journal, line.id) for line in journal.lines]
    lost = [one.line for one in trials if one is not None and not one.skipped and not one.follows]
    good = sum(one is not None and one.verdict == "good" for one in last.values())
    follow = sum(one is not None and one.follows and not one.skipped for one in trials)
    missing = STEPS.keys() - {*journal.steps, "sheet"}
    text = _COUNTED.fill(meters=len(last), good=good, lines=len(trials), follow=follow)
    if bad or lost:
        kind, word = "bad", Words("有未纠正的错误", "mistakes are not corrected yet")
        text = _LEFT.fill(text=text, which=", ".join((*bad, *lost)))
    elif missing or good < len(last) or follow < len(trials) or not journal.receipt:
        kind, word = "open", Words("尚未全部完成", "not all is done yet")
    else:
        kind, word = "good", Words("全部完成", "all is done")
    return markup(
        '<div class="verdict {}"><span class="badge">{}</span>'
        '<p lang="zh">{}。</p><p lang="en" class="en">{}.</p></div>',
        kind,
        to_html(word),
        isolated(text.zh, SUMMARY_MAX),
        isolated(text.en, SUMMARY_MAX),
    )


def _draw_photos(journal: Journal, photos: Mapping[str, Picture]) -> Iterator[Html]:
    yield heading(Words("照片", "Photos"))
    if not journal.photos:
        yield markup('<p class="dim">{}</p>', to_html(Words("无", "none")))
    room = PHOTOS_BYTES_MAX
    figures = []
    for photo in journal.photos:
        shown, room = _draw_picture(photo, photos.get(photo.path), room)
        names = join((isolated(text) for text in (photo.what, photo.meter or "") if text), " · ")
        caption = markup("{}<br>{}<br>SHA-256 {}", names, code(photo.path), code(photo.sha256))
        figures.append(markup("<figure>{}<figcaption>{}</figcaption></figure>", shown, caption))
    if figures:
        yield markup('<div class="photos">{}</div>', join(figures))


def _draw_picture(photo: Photo, seen: Picture | None, room: int) -> tuple[Html, int]:
    """The picture if it is found, unchanged and small enough, and the room left."""
    if seen is None:
        words = Words("照片不在此处", "the picture is not here")
        return markup('<p class="dim">{}</p>', to_html(words)), room
    if seen.sha256 != photo.sha256.lower():
        words = Words("照片与记录的哈希不符", "not the picture of this hash")
        return markup('<p class="bad">{}</p>', to_html(words)), room
    kind = next((kind for magic, kind in _FORMATS.items() if seen.data.startswith(magic)), "")
    if not kind or seen.size > room:
        size = f"{seen.size / 1e6:.1f} MB"
        words = Words(f"未印出（{size}）", f"not printed ({size})")
        return markup('<p class="dim">{}</p>', to_html(words)), room
    data = base64.b64encode(seen.data).decode()
    return markup('<img alt="" src="data:{};base64,{}">', kind, data), room - seen.size


def _draw_signatures() -> Iterator[Html]:
    yield heading(Words("签字", "Signatures"))
    fields = (Words("姓名", "name"), Words("签字", "signature"), Words("日期", "date"))
    boxes = (Words("企业", "enterprise"), Words("安装单位", "installer"), Words("生态环境部门", "bureau"))
    inner = join(markup('<div class="rule">{}</div>', to_html(words)) for words in fields)
    yield Html('<div class="signatures">')
    for words in boxes:
        yield markup("<div><strong>{}</strong><div>{}</div></div>", to_html(words), inner)
    yield Html("</div>")


def _draw_foot(journal: Journal, site: Site) -> Html:
    return markup(
        '<div class="foot">'
        '<p lang="zh">{zh}</p><p lang="en" class="en">{en}</p>'
        '<p class="mono">sha256sum {sheet}<br>dianjian setup sheet --check {sheet}<br>'
        "dianjian verify --centre-key KEY --sheet {sheet} CHAIN</p>"
        '<p class="dim">{label} {gateway}</p></div>',
        zh=_CHECK.zh,
        en=_CHECK.en,
        sheet=SHEET_NAME,
        label=to_html(Words("网关", "gateway")),
        gateway=code(journal.site.gateway or site.site.gateway),
    )
