"""The page of an evidence pack: what was checked and what it shows, for people who will not run a program.

Drawn from the verified evidence alone, the same text for the same evidence: `dianjian verify` draws it
again and compares. So it says nothing that the evidence does not, and nothing of whoever draws it.
`PAGE_VERSION` grows with every change of what is drawn.
"""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any, Final

from evidence.pack.content import TIME_MS_MAX
from evidence.pack.proved import Rest
from evidence.seal import FIRST_NUMBER
from evidence.words import Words
from provisioning.evidence.story import MS_PER_S, Story, find_again, find_gaps
from provisioning.evidence.tables import (
    caption,
    find_silent_ms,
    list_absences,
    list_attestations,
    list_changes,
    list_clock_findings,
    list_fingerprints,
    list_meters,
    list_others,
    list_receipts,
    list_rests,
    list_seals,
    list_tampering,
    table,
)
from provisioning.evidence.verdict import count_seals, find_malformed, find_withheld, join_seals, name_spans
from provisioning.pages.episode import EPISODES, PRODUCTION, TREATMENT, draw_episode, draw_episode_card
from provisioning.pages.html import Html, join, markup
from provisioning.pages.page import both, number_table, page, paragraphs
from provisioning.pages.plot import draw_both_widths
from provisioning.pages.plot_data import Chart, Level, Load, Panel, Span, Strip, stack_spans
from provisioning.words.numbers import name_rule, power

PAGE_VERSION: Final = 5
DRAWN_MAX: Final = 10
"""Episodes with a drawing of their own; the others keep their numbers."""
CARDS_MAX: Final = 50
RECEIPTS_OPEN_MAX: Final = 10
"""More of them are folded: a gateway keeps a hundred."""
TRACE_S_MAX: Final = 8 * 3600
"""Between the begin of a trace and its finding; the detector keeps two hours."""
TRACE_MINUTES_MAX: Final = 600
_TEXTS: Final = ("id", "linkage", "rule", "severity")


def draw_evidence_page(story: Story) -> bytes:
    """The page as it stands in the pack."""
    content = story.evidence.content
    name = story.site.site.name if story.site else ""
    who = f"{name} ({content.gateway})" if name else content.gateway
    return page(Words(f"证据包：{who}", f"Evidence: {who}"), _body(story), "both").encode()


def _body(story: Story) -> Iterator[Html]:
    yield caption(_window(story))
    yield markup(
        '<section class="card"><p><strong>{}</strong></p>{}{}</section>',
        both(Words("核验通过", "The check holds")),
        paragraphs(_verdict(story)),
        join(_caveats(story)),
    )
    yield from _episodes(story)
    yield from _loads(story)
    yield _section(Words("证明依据", "What it rests on"), table(list_rests(story)))
    many = len(story.evidence.receipts) > RECEIPTS_OPEN_MAX
    yield _section(Words("中心回执", "Receipts of the centre"), table(list_receipts(story)), folded=many)
    yield _section(Words("缺失及原因", "What is absent, and why"), table(list_absences(story)))
    yield _section(Words("时钟", "Clock"), table(list_clock_findings(story)))
    yield _section(Words("电表", "Meters"), table(list_meters(story)))
    if story.changes:
        title = Words("配置变更", "Changes of the configuration")
        yield _section(title, table(list_changes(story)))
    if story.tampering:
        yield _section(Words("电表异动", "What is odd about meters"), table(list_tampering(story)))
    if story.attestations:
        title = Words("安全芯片（TPM）的证明", "Attestations of the TPM")
        yield _section(title, table(list_attestations(story)))
    yield _section(Words("其他记录", "Other records"), table(list_others(story)), folded=True)
    yield _section(Words("时段内的签封", "Seals of the window"), table(list_seals(story)), folded=True)
    title = Words("指纹与复核方法", "Fingerprints, and how to check")
    yield _section(title, number_table(list_fingerprints(story)))


def _section(title: Words, inner: Html, *, folded: bool = False) -> Html:
    if folded:
        return markup('<details class="card"><summary>{}</summary>{}</details>', both(title), inner)
    return markup('<h2>{}</h2><section class="card">{}</section>', both(title), inner)


def _window(story: Story) -> Words:
    asked = story.evidence.content.question
    begin, end = story.local(asked.from_ms), story.local(asked.to_ms)
    zone = story.site.site.utc_offset if story.site else ""
    what = f"，关联 {asked.linkage}" if asked.linkage else ""
    also = f", linkage {asked.linkage}" if asked.linkage else ""
    return Words(
        f"时段 {begin} 至 {end}（厂区时间 {zone}），签封 {asked.first} 至 {asked.last}{what}",
        f"from {begin} to {end} (plant time {zone}), seals {asked.first} to {asked.last}{also}",
    )


def _verdict(story: Story) -> Words:
    evidence, window = story.evidence, story.evidence.window
    records = sum(seal.header.count for seal in window if seal.records is not None)
    rests = {part.rests for part in evidence.parts}
    why = {
        frozenset({Rest.ENROLMENT}): Words(
            "全部由中心登记的首个公钥逐个推证", "all from the first key that the centre enrolled"
        ),
        frozenset({Rest.FIRST_KEY}): Words(
            "全部由首个公钥逐个推证，该公钥须由核验者确认",
            "all from the first key, which the verifier must know",
        ),
        frozenset({Rest.RECEIPT}): Words(
            "以中心签名的回执为锚", "anchored in receipts that the centre signed"
        ),
    }.get(
        frozenset(rests), Words("由首个公钥和中心回执推证", "from the first key and receipts of the centre")
    )
    return Words(
        f"时段内{len(window)}个签封的签名和链接全部成立，{records}条记录与签封时一致（{story.readings}条"
        f"读数）；{why.zh}。任何一位被改动，核验都会指出。"
        "本页单独不构成证明：请用页末命令核验整个文件。",
        f"The signatures and links of all {len(window)} seals of the window hold, and "
        f"{records} records are what was sealed ({story.readings} readings); {why.en}. "
        "The check names any bit that is changed. This page by itself proves nothing: check the whole file "
        "with the command at its end.",
    )


def _caveats(story: Story) -> Iterator[Html]:
    evidence = story.evidence
    asked, window = evidence.content.question, evidence.window
    if asked.first == FIRST_NUMBER and window[0].header.utc_ms > asked.from_ms:
        at = story.local(window[0].header.utc_ms)
        yield caption(Words(f"网关的首个签封作于 {at}。", f"The gateway made its first seal {at}."))
    if window[-1].header.utc_ms < asked.to_ms:
        at = story.local(window[-1].header.utc_ms)
        words = Words(
            f"证据止于 {at}，早于所问时段终点。", f"It ends at {at}, before the time that was asked for."
        )
        yield caption(words)
    part = next(part for part in evidence.parts if part.first <= asked.first <= part.last)
    if not any(number >= asked.last for number in part.receipted):
        words = Words("时段终点之后无中心回执。", "No receipt of the centre covers the end of the window.")
        yield caption(words)
    withheld = find_withheld(evidence)
    if withheld:
        count, named = count_seals(withheld), name_spans(withheld)
        words = Words(
            f"内容被扣留的签封共{count}个（内容既不在包内，也无记录声明丢失）：{named}。",
            f"Bodies that are withheld, neither here nor declared lost: {count}, of seals {named}.",
        )
        yield caption(words)
    malformed = find_malformed(evidence)
    if malformed:
        count, named = len(malformed), name_spans(join_seals(malformed))
        words = Words(
            f"含有不合格式记录的签封共{count}个（这些记录不予采用）：{named}。",
            f"Seals with malformed records, which count for nothing: {count}, {named}.",
        )
        yield caption(words)
    if evidence.absent or any(True for _ in find_gaps(window, find_silent_ms(story))):
        count = len(evidence.absent)
        words = Words(
            f"有缺失：{count}个签封无内容，或有静默时段，见“缺失及原因”。",
            f"Something is absent: {count} seals have no body, or the gateway was silent; see below.",
        )
        yield caption(words)
    if not evidence.enrolment:
        words = Words("包内无中心签名的登记声明。", "The pack has no enrolment that the centre has signed.")
        yield caption(words)


def _episodes(story: Story) -> Iterator[Html]:
    asked = story.evidence.content.question.episode
    found = sorted(story.episodes.items(), key=lambda item: item[0] != asked)
    if found:
        yield markup("<h2>{}</h2>", both(EPISODES))
    for index, (_, one) in enumerate(found[:CARDS_MAX]):
        yield _card(story, one.body, one.seals, drawn=index < DRAWN_MAX)
    if len(found) > CARDS_MAX:
        left = len(found) - CARDS_MAX
        yield caption(Words(f"另有{left}个事件未列出", f"{left} more episodes are not shown"))


def _card(story: Story, body: dict[str, Any], seals: tuple[int, ...], *, drawn: bool) -> Html:
    numbers = ", ".join(map(str, seals[:DRAWN_MAX]))
    unclear = caption(
        Words(f"签封{numbers}中的事件记录无法识读", f"the episode in seal {numbers} says nothing readable")
    )
    if not is_sound(body):
        return unclear
    try:
        drawing = draw_episode(body, story.offset_s) if drawn else Html("")
        card = draw_episode_card(body, story.offset_s, drawing)
        again = find_again(story, body)
    except Exception:  # noqa: BLE001 - the numbers in it may be anything that an adversary has signed
        return unclear
    where = Words(f"见签封 {numbers}", f"told in seal {numbers}")
    if again is not None:
        at = story.local(again.raised_at_s * MS_PER_S)
        where = Words(
            f"{where.zh}；仅凭本包读数重新计算，得出同一结论（{at} 触发）",
            f"{where.en}; computed anew from the readings of this pack alone: the same finding, raised {at}",
        )
    return join((card, caption(where)))


def is_sound(body: dict[str, Any]) -> bool:
    """Whether an episode can be drawn without work that its signer chooses."""
    trace, sentence = body.get("trace"), body.get("sentence")
    if not isinstance(trace, dict) or not isinstance(sentence, dict):
        return False
    begin_s, raised_s = trace.get("begin_at_s"), body.get("raised_at_s")
    moments = (body.get("begin_at_s"), raised_s, body.get("end_at_s") or 0, begin_s)
    sides = (trace.get("production_w"), trace.get("treatment_w"))
    return (
        all(isinstance(body.get(name), str) for name in _TEXTS)
        and isinstance(body.get("numbers"), dict)
        and isinstance(body.get("lines"), list)
        and all(type(at) is int and 0 <= at <= TIME_MS_MAX // MS_PER_S for at in moments)
        and all(isinstance(side, list) and len(side) <= TRACE_MINUTES_MAX for side in sides)
        and 0 <= int(raised_s or 0) - int(begin_s or 0) <= TRACE_S_MAX
        and all(isinstance(sentence.get(name), str) for name in ("zh", "en"))
    )


def _loads(story: Story) -> Iterator[Html]:
    asked = story.evidence.content.question.linkage
    for linkage, (production, treatment) in story.loads.items():
        empty = all(value is None for load in (production, treatment) for value in load.high)
        if (asked in story.loads and asked != linkage) or empty:
            continue
        yield markup("<h2>{}</h2>", both(Words(f"负荷：关联 {linkage}", f"Loads of linkage {linkage}")))
        drawing = draw_both_widths(partial(_chart, story, linkage, production, treatment))
        yield markup('<section class="card">{}</section>', drawing)


def _chart(story: Story, linkage: str, production: Load, treatment: Load, width: int) -> Chart:
    states, steps = story.states_of(linkage), story.params[linkage]
    begin_s, end_s = (at_ms / MS_PER_S for at_ms in story.span_ms)
    last = steps[-1][1]
    on = [(at_s, float(one.on_production.hi_w)) for at_s, one in steps]
    off = [(at_s, float(one.on_treatment.lo_w)) for at_s, one in steps]
    levels = (
        [Level(Words("运行阈值", "on from"), "normal", on, power(last.on_production.hi_w))],
        [
            Level(Words("应不低于", "needed"), "limit", states.expected_w),
            Level(Words("停止阈值", "off below"), "normal", off, power(last.on_treatment.lo_w)),
        ],
    )
    strips = [
        Strip(PRODUCTION, [Span(*one, "production") for one in states.production_on]),
        Strip(TREATMENT, [Span(*one, "treatment") for one in states.treatment_on]),
        *stack_spans(EPISODES, _spans(story, linkage, end_s), begin_s, end_s - begin_s, width),
    ]
    absent = list(_absent_spans(story))
    if absent:
        strips.append(Strip(Words("无数据", "no data"), absent))
    panels = [
        Panel(PRODUCTION, production.curve("production", begin_s, end_s), levels[0]),
        Panel(TREATMENT, treatment.curve("treatment", begin_s, end_s), levels[1]),
    ]
    return Chart(Words.same(linkage), begin_s, end_s, story.offset_s, panels, strips, width=width)


def _spans(story: Story, linkage: str, end_s: float) -> Iterator[Span]:
    for one in story.episodes.values():
        body = one.body
        if is_sound(body) and body["linkage"] == linkage:
            until_s = body["end_at_s"] or end_s
            words = name_rule(body)
            yield Span(body["begin_at_s"], until_s, body["severity"], words, body["raised_at_s"], band=True)


def _absent_spans(story: Story) -> Iterator[Span]:
    window = story.evidence.window
    for begin_ms, end_ms, _ in find_gaps(window, find_silent_ms(story)):
        yield Span(begin_ms / MS_PER_S, end_ms / MS_PER_S, "idle", band=True)
    for before, seal in pairwise(window):
        if seal.records is None:
            yield Span(before.header.utc_ms / MS_PER_S, seal.header.utc_ms / MS_PER_S, "data", band=True)
