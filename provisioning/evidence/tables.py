"""The tables of an evidence page: what it rests on, what is absent, the seals, the fingerprints.

Texts from records are escaped by `both`; every table has a maximum of rows and says what it leaves out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from centre.gateway.pauses import promised_ms
from evidence.chain import Code, Finding
from evidence.pack.proved import Part, Rest
from evidence.words import Words
from provisioning.evidence.story import Story, find_gaps
from provisioning.pages.html import Html, join, markup
from provisioning.pages.page import both, paragraphs

ROWS_MAX: Final = 1_000
"""Of a table; the beginning and the end of a longer one are shown."""
HASH_DIGITS: Final = 16
"""Of a hash in a table: enough to find it; the whole one is in the evidence."""
_CLOCK: Final = {Code.CLOCK_STEP, Code.CLOCK_AHEAD, Code.CLOCK_BEHIND, Code.CLOCK_STATE, Code.BOOT}
_LOST: Final = {Code.DROP, Code.LOST_TAIL}
_NOTHING: Final = Words("无", "nothing")
_WHYS: Final[Mapping[str, Words]] = {
    "no room": Words("存储已满，由网关舍弃", "given up by the gateway for want of room"),
    "damaged": Words("在网关磁盘上已损坏", "damaged on the gateway's disk"),
    "gone from the database": Words(
        "已从网关数据库消失：被人删除或磁盘丢失",
        "gone from the gateway's database: deleted there, or lost by the disk",
    ),
}
"""By the reason in a drop record."""

_HEADS: Final[Mapping[str, Words]] = {
    "seals": Words("签封", "seals"),
    "time": Words("时间", "time"),
    "with body": Words("其中含内容", "with body"),
    "rests on": Words("依据", "rests on"),
    "up to seal": Words("截至签封", "up to seal"),
    "hash of the seal": Words("签封哈希", "hash of the seal"),
    "time of the centre": Words("中心时间", "time of the centre"),
    "bodies up to": Words("内容收齐至", "bodies up to"),
    "meter": Words("电表", "meter"),
    "line": Words("线路", "line"),
    "model": Words("型号", "model"),
    "unit": Words("地址", "unit"),
    "CT ratio": Words("电流互感器变比", "CT ratio"),
    "PT ratio": Words("电压互感器变比", "PT ratio"),
    "enrolled serial": Words("登记序列号", "enrolled serial"),
    "good readings": Words("正常读数", "good readings"),
    "bad readings": Words("异常读数", "bad readings"),
    "seal": Words("签封", "seal"),
    "up to seal, attested": Words("证明至签封", "up to seal"),
    "key": Words("密钥", "key"),
    "verdict": Words("结论", "verdict"),
    "time (UTC)": Words("UTC时间", "time (UTC)"),
    "kind": Words("类别", "kind"),
    "what it says": Words("内容", "what it says"),
    "clock": Words("时钟", "clock"),
    "records": Words("记录数", "records"),
    "body": Words("内容", "body"),
    "why": Words("原因", "why"),
    "about": Words("项目", "about"),
    "what": Words("说明", "what"),
}

Row = tuple[Words, ...]


def find_silent_ms(story: Story) -> float:
    """From how long without a seal the gateway was silent: what the centre finds too, by its site file."""
    known = story.site.seal if story.site is not None else None
    return promised_ms(lambda name, _: float(getattr(known, name.partition(".")[2], 0.0)), 0)


def _head(*names: str) -> Row:
    return tuple(_HEADS[name] for name in names)


def same(text: object) -> Words:
    """What is the same in both languages."""
    return Words.same(str(text))


def caption(words: Words) -> Html:
    """A line in a small voice."""
    return markup('<div class="dim">{}</div>', paragraphs(words))


def table(rows: Iterable[Row]) -> Html:
    """Rows of cells, the first one the head; a table of a head alone says that there is nothing."""
    known = list(rows)
    if len(known) < 2:
        return markup('<p class="dim">{}</p>', both(_NOTHING))
    head, left = known[0], len(known) - 1 - ROWS_MAX
    shown: Sequence[Row] = known[1:]
    if left > 0:
        half = ROWS_MAX // 2
        dots = (Words(f"……略{left}行", f"… {left} rows are not shown"), *[same("")] * (len(head) - 1))
        shown = [*known[1 : half + 1], dots, *known[-half:]]
    cells = join(markup("<th>{}</th>", both(cell)) for cell in head)
    lines = join(
        markup("<tr>{}</tr>\n", join(_cell(*pair) for pair in zip(head, row, strict=True))) for row in shown
    )
    return markup('<table class="rows"><tr>{}</tr>\n{}</table>', cells, lines)


def _cell(head: Words, cell: Words) -> Html:
    """With its heading, which a phone shows in the cell where a row is no row any more."""
    return markup('<td><span class="head">{}</span>{}</td>', both(head), both(cell))


def _span(first: object, last: object) -> Words:
    """From one to another, or the one where they are the same."""
    return same(first if first == last else f"{first} – {last}")


def list_rests(story: Story) -> Iterator[Row]:
    """What each run of seals rests on."""
    evidence = story.evidence
    yield _head("seals", "time", "with body", "rests on")
    for part in evidence.parts:
        bodies = sum(seal.records is not None for seal in part.seals)
        begin, end = (story.local(part.seals[at].header.utc_ms) for at in (0, -1))
        yield _span(part.first, part.last), _span(begin, end), same(bodies), _rests(story, part)
    for one in evidence.statements:
        kind = type(one).__name__.lower()
        text = {
            "rekey": Words("换用新密钥（恢复密钥签名）", "a new key, signed by the recovery key"),
            "replace": Words("更换设备（中心签名）", "other hardware, signed by the centre"),
            "revoke": Words("吊销（中心签名）", "revoked by the centre"),
        }[kind]
        why = Words(f"{text.zh}：{one.reason}", f"{text.en}: {one.reason}")
        yield same(one.number), same(story.local(one.utc_ms)), same("–"), why


def _rests(story: Story, part: Part) -> Words:
    if part.rests is Rest.ENROLMENT:
        assert story.evidence.enrolment is not None
        at = story.local(story.evidence.enrolment.centre_utc_ms)
        return Words(f"中心签名的登记声明（{at}）", f"the enrolment that the centre signed {at}")
    if part.rests is Rest.FIRST_KEY:
        return Words("首个公钥，需核验者另行确认", "the first key, which the verifier must know")
    named = ", ".join(map(str, [*part.receipted[:1], *part.receipted[1:][-1:]]))
    return Words(f"中心对签封 {named} 的回执", f"receipts of the centre for seal {named}")


def list_receipts(story: Story) -> Iterator[Row]:
    """Every receipt."""
    yield _head("up to seal", "hash of the seal", "time of the centre", "bodies up to")
    for number, receipt in story.evidence.receipts.items():
        digest, at = receipt.seal_hash.hex()[:HASH_DIGITS], story.local(receipt.centre_utc_ms)
        yield same(number), same(digest), same(at), same(receipt.bodies_up_to)


def list_absences(story: Story) -> Iterator[Row]:
    """Seals without a body, and times without a seal."""
    yield _head("seals", "time", "why")
    evidence = story.evidence
    first = evidence.content.question.first
    runs = groupby(enumerate(evidence.absent.items()), lambda at: (at[1][0] - at[0], at[1][1]))
    for (_, by), group in runs:
        numbers = [number for _, (number, _) in group]
        begin, end = (
            story.local(evidence.window[number - first].header.utc_ms) for number in (numbers[0], numbers[-1])
        )
        why = Words(
            "内容被扣留：不在包内，亦无签封记录说明",
            "withheld: the body is not here, and no sealed record says why",
        )
        if by is not None:
            text = _say_loss([one for one in evidence.findings if one.number == by and one.code in _LOST])
            why = Words(f"{text.zh}（签封{by}声明）", f"{text.en}, as seal {by} declares")
        yield _span(numbers[0], numbers[-1]), _span(begin, end), why
    for begin_ms, end_ms, number in find_gaps(evidence.window, find_silent_ms(story)):
        silent = Words(
            "此间网关未作签封：停机、失电或进程被暂停",
            "no seal was made: the gateway was off, or its agent stood still",
        )
        span = same(f"{story.local(begin_ms)} – {story.local(end_ms)}")
        yield same(f"{number - 1} → {number}"), span, silent


def _say_loss(findings: Sequence[Finding]) -> Words:
    """Why bodies are declared lost: every reason that one seal gives, as it may declare several losses."""
    if not findings:  # more than a pack keeps
        return Words("已丢失", "lost")
    whys = list(dict.fromkeys(map(_say_why, findings)))
    return Words("；".join(why.zh for why in whys), "; ".join(why.en for why in whys))


def _say_why(finding: Finding) -> Words:
    """In the words of the page, where the record's own are known."""
    if finding.code is not Code.DROP:
        return Words("磁盘丢失", "lost by the disk")
    why = finding.text.partition(": ")[2]
    return _WHYS.get(why, Words(f"由网关舍弃：{why}", f"given up by the gateway: {why}"))


def list_changes(story: Story) -> Iterator[Row]:
    """What the owner changed in the site file, as the manifests of the pack show it."""
    yield _head("seal", "what")
    for one in story.changes:
        yield same(one.seal), same(one.text)


def list_clock_findings(story: Story) -> Iterator[Row]:
    """What the clocks of the chain say."""
    yield _head("seal", "about", "what")
    for finding in story.evidence.findings:
        if finding.code in _CLOCK:
            yield same(finding.number), same(finding.code.value), same(finding.text)


def list_meters(story: Story) -> Iterator[Row]:
    """The meters of the window; the serial as the centre enrolled it."""
    names = ("meter", "line", "model", "unit", "CT ratio", "PT ratio", "enrolled serial")
    yield _head(*names, "good readings", "bad readings")
    enrolment = story.evidence.enrolment
    serials = {meter.id: meter.serial for meter in enrolment.meters} if enrolment else {}
    settings = {meter.id: meter for meter in story.site.meter} if story.site else {}
    for name, meter in story.meters.items():
        known = settings.get(name)  # type: ignore[call-overload]
        why = Counter(meter.reasons).most_common(1)
        bad = f"{meter.bad} ({why[0][0]})" if why and why[0][0] else str(meter.bad)
        model, unit = (known.model, known.unit_id or "–") if known else ("–", "–")
        ratios = (f"{known.ct_ratio:g}", f"{known.pt_ratio:g}") if known else ("–", "–")
        cells = (name, meter.line or "–", model, unit, *ratios, serials.get(name) or "–", meter.good, bad)
        yield tuple(map(same, cells))


def list_attestations(story: Story) -> Iterator[Row]:
    """What a TPM attests of the chain."""
    yield _head("seal", "up to seal, attested", "key", "verdict")
    for one in story.attestations:
        holds = Words("成立", "holds")
        yield same(one.seal), same(one.over), same(one.key), same(one.wrong) if one.wrong else holds


def list_tampering(story: Story) -> Iterator[Row]:
    """What the agent found wrong with a meter, or found in order again."""
    yield _head("seal", "time (UTC)", "what")
    for one in story.tampering:
        yield same(one.seal), same(one.at), one.text


def list_others(story: Story) -> Iterator[Row]:
    """Other records."""
    yield _head("seal", "time (UTC)", "kind", "what it says")
    for one in story.others:
        yield same(one.seal), same(one.at), same(one.kind), same(one.text)
    if story.others_left_out:
        more = Words(f"另有{story.others_left_out}条", f"{story.others_left_out} more")
        yield more, same(""), same(""), same("")


def list_seals(story: Story) -> Iterator[Row]:
    """Every seal of the window."""
    yield _head("seal", "time", "clock", "records", "body", "hash of the seal")
    for seal in story.evidence.window:
        head = seal.header
        body = same("✓") if seal.records is not None else Words("无", "no")
        cells = (head.number, story.local(head.utc_ms), head.clock_state.value, head.count)
        yield (*map(same, cells), body, same(seal.hash.hex()[:HASH_DIGITS]))


def list_fingerprints(story: Story) -> Iterator[tuple[Words, Words]]:
    """What to compare, and with what."""
    evidence = story.evidence
    content, enrolment = evidence.content, evidence.enrolment
    yield Words("证据指纹（SHA-256）", "fingerprint of the evidence (SHA-256)"), same(evidence.digest.hex())
    yield Words("中心公钥", "key of the centre"), same(content.centre_key.hex())
    if enrolment is not None:
        yield Words("登记时的首个公钥", "enrolled first key"), same(enrolment.first_key.hex())
        yield Words("登记的站点", "enrolled site"), same(enrolment.site)
    elif content.first_key is not None:
        name = Words("首个公钥（包内自述，需另行核对）", "first key (as the pack says; compare it elsewhere)")
        yield name, same(content.first_key.hex())
    window = evidence.window
    yield Words("首个签封哈希", "hash of the first seal"), same(window[0].hash.hex())
    yield Words("末个签封哈希", "hash of the last seal"), same(window[-1].hash.hex())
    yield Words("网关软件版本", "software of the gateway"), same(story.version or "–")
    made = story.local(content.made_utc_ms)
    by_centre = Words(f"{made}，由中心制作并整体签名", f"{made} by the centre, which signed all of it")
    by_gateway = Words(f"{made}，由网关制作", f"{made} on the gateway, which chose what is in it")
    yield Words("制作", "made"), by_centre if content.by_centre else by_gateway
    command = f"dianjian verify pack.zip --centre-key {content.centre_key.hex()}"
    yield Words("离线复核", "check offline"), same(command)
