"""The parts of the acceptance sheet, each drawn from the journal of the setup and the site file.

Nothing here judges: verdicts, thresholds and hashes are as the journal has them. What was measured again
stands with what was found before, so that a corrected mistake is seen as one; what was not done is named.
"""

from collections.abc import Iterator
from html import escape
from typing import Final

from agent.detect.params import LinkageParams
from agent.detect.written import ParamsError
from agent.site.file import Site
from evidence.words import Words
from provisioning.acceptance.trial import local, trial_drawing
from provisioning.journal.file import (
    Journal,
    LineNamed,
    MeterFound,
    Trial,
    WiringVerdict,
    last_trial,
    last_wiring,
)
from provisioning.pages.paper import (
    CELL_MAX,
    badge,
    clean,
    code,
    facts,
    grid,
    heading,
    named,
    sentences,
    told,
)
from provisioning.words.numbers import power
from provisioning.words.times import zone_s

KINDS: Final = {
    "production": ("生产", "production"),
    "treatment": ("治理", "treatment"),
    "incomer": ("总进线", "incomer"),
}
SOURCES: Final = {
    "nameplate": ("按铭牌", "from the nameplate"),
    "trial": ("按启停试验", "from the on/off test"),
    "typed": ("人工输入", "typed"),
}
_VERDICTS: Final = {
    "good": ("good", "接线正常", "wired rightly"),
    "mistake": ("bad", "接线错误", "wiring mistake"),
    "undecided": ("open", "未能判定", "not decided"),
}
STEP_NAMES: Final = {
    "find": ("查找电表", "finding the meters"),
    "lines": ("线路命名", "naming the lines"),
    "wiring": ("接线检查", "wiring check"),
    "trial": ("启停试验", "on/off tests"),
    "thresholds": ("阈值", "thresholds"),
    "photos": ("照片与封号", "photos and seal numbers"),
    "enrol": ("登记", "enrolment"),
    "receipt": ("首个回执", "first receipt"),
    "commission": ("调试期", "commissioning period"),
}
"""The steps before the sheet itself, in their order."""
TITLE_MAX: Final = 40
"""Characters over a drawing, beside which its limits are named."""
_MEASURED: Final = (
    ("U", "voltage", "V", 1, 1),
    ("I", "current", "A", 1, 2),
    ("P", "active_power", "kW", 1000, 2),
    ("Q", "reactive_power", "kvar", 1000, 2),
    ("PF", "power_factor", "", 1, 3),
    ("φ", "angle", "°", 1, 1),
    ("P/Pn", "load_share", "%", 0.01, 0),
)
"""Numbers of a diagnosis, the total before its phases: sign, name, unit, what the unit is, decimals."""
HISTORY_MAX: Final = 8
"""Earlier verdicts of one meter that are printed; the rest is counted."""


def offset_s(site: Site) -> int:
    """Of the plant's zone."""
    return zone_s(site.site.utc_offset)


def place(journal: Journal, site: Site) -> Iterator[str]:
    """Whose plant it is."""
    known = journal.site
    yield heading("企业与场所", "Enterprise and site")
    yield facts(
        [
            ("企业名称", "enterprise", told(known.enterprise)),
            ("统一社会信用代码", "unified social credit code", code(known.uscc)),
            ("场所名称", "site", told(known.name or site.site.name)),
            ("地址", "address", told(known.address, 2 * CELL_MAX)),
            ("安装人员", "installed by", told(journal.technician)),
            ("厂区时区", "zone of all times below", told(f"UTC{site.site.utc_offset}")),
        ]
    )


def fingerprints(journal: Journal, site: Site, site_hash: str, version: str) -> Iterator[str]:
    """What the gateway and its centre are known by."""
    one = journal.enrolment
    yield heading("网关与指纹", "Gateway and fingerprints")
    rows = [
        ("网关编号", "gateway", code(journal.site.gateway or site.site.gateway)),
        ("软件版本", "software", code(f"dianjian-edge {version}")),
        ("配置文件 SHA-256", "SHA-256 of the site file", code(site_hash)),
    ]
    if one is not None:
        rows += [
            ("首个公钥", "first key of the chain", code(one.first_key)),
            ("恢复公钥", "recovery key", code(one.recovery_key)),
            ("设备证书 SHA-256", "SHA-256 of the device certificate", code(one.certificate_sha256)),
            ("中心公钥", "key of the centre", code(one.centre_key)),
            ("登记方式与时间", "enrolled", f"{told(one.transport)} {told(local(one.at, offset_s(site)))}"),
        ]
    yield facts(rows)


def receipt(journal: Journal, site: Site) -> Iterator[str]:
    """The first seal that the centre has answered for."""
    yield heading("中心首个回执", "First receipt of the centre")
    one = journal.receipt
    if one is None:
        yield f"<p>{badge('open', '尚无回执', 'no receipt yet')}</p>"
        return
    yield facts(
        [
            ("签封编号", "seal", f"{badge('good', '已回执', 'receipted')} {told(one.seal)}"),
            ("签封哈希", "hash of the seal", code(one.hash)),
            ("回执时间", "time", told(local(one.at, offset_s(site)))),
        ]
    )


def lines(journal: Journal) -> Iterator[str]:
    """Lines with their nameplates, and what must run with what."""
    yield heading("线路与关联", "Lines and linkages")
    meters = {line.id: [one.id for one in journal.meters if one.line == line.id] for line in journal.lines}
    heads = (
        ("线路", "line"),
        ("类别", "kind"),
        ("名称", "name"),
        ("设备", "equipment"),
        ("铭牌功率", "rated"),
        ("电表", "meters"),
    )
    rows = [
        (
            told(line.id),
            named(*KINDS[line.kind]),
            told(line.name),
            told(line.equipment),
            escape(power(line.rated_w)),
            told(", ".join(meters[line.id])),
        )
        for line in journal.lines
    ]
    yield grid(heads, rows, numbers=(4,))
    yield grid(
        (("关联", "linkage"), ("生产运行时", "while this runs"), ("治理须运行", "this must run")),
        [
            (told(one.id), told(" + ".join(one.production)), told(" + ".join(one.treatment)))
            for one in journal.linkages
        ],
    )


def meters(journal: Journal) -> Iterator[str]:
    """Every meter: where it is, what it is, what seals it."""
    yield heading("电表", "Meters")
    heads = (
        ("电表", "meter"),
        ("线路", "line"),
        ("总线 · 地址", "bus · address"),
        ("型号（可信度）", "model (confidence)"),
        ("序列号", "serial"),
        ("变比 CT/PT", "ratios"),
        ("额定", "rated"),
        ("封号", "seals"),
    )
    yield grid(heads, [_meter(one) for one in journal.meters])
    buses = ", ".join(f"{bus.id} = {bus.url}" for bus in journal.buses)
    yield f'<p class="dim">{named("总线", "buses")}: {code(buses)}</p>'


def _meter(one: MeterFound) -> tuple[str, ...]:
    called = one.address if one.unit_id is None else one.unit_id
    # What was named without a person and is not quite certain is said to be so.
    sure = "" if one.confidence >= 1 else f' <span class="dim">{100 * one.confidence:.0f} %</span>'
    return (
        told(one.id),
        told(one.line or ""),
        f"{told(one.bus)} · {told('' if called is None else called)}",
        f"{told(one.model)}{sure}",
        code(one.serial),
        f"{one.ct_ratio:g} / {one.pt_ratio:g}",
        "—" if one.rated_a is None else f"{one.rated_a:g} A",
        code(", ".join(one.seal_numbers)),
    )


def wiring(journal: Journal, site: Site) -> Iterator[str]:
    """The verdict that counts for each meter, and what was found before."""
    yield heading("接线检查", "Wiring check")
    for meter in journal.meters:
        last = last_wiring(journal, meter.id)
        line = f" → {told(meter.line)}" if meter.line else ""
        head = f"<strong>{told(meter.id)}</strong>{line} "
        if last is None:
            yield f'<div class="entry"><p>{head}{badge("open", "未检查", "not checked")}</p></div>'
            continue
        past = [one for one in journal.wiring if one.meter == meter.id][:-1]
        yield f'<div class="entry">{_verdict(head, last, site, corrected=_is_corrected(last, past))}'
        yield from _history(past, site)
        yield "</div>"


def _is_corrected(last: WiringVerdict, past: list[WiringVerdict]) -> bool:
    return last.verdict == "good" and any(one.verdict == "mistake" for one in past)


def _verdict(head: str, one: WiringVerdict, site: Site, *, corrected: bool) -> str:
    kind, zh, en = _VERDICTS[one.verdict]
    mark = (
        badge(kind, f"{zh}（已纠正）", f"{en}, a mistake was corrected") if corrected else badge(kind, zh, en)
    )
    what = f" {code(' '.join((one.mistake, *one.phases)))}" if one.mistake else ""
    ratio = f" × {one.ratio:g}" if one.ratio is not None and one.mistake else ""
    at = f'<span class="dim">{told(local(one.at, offset_s(site)))}</span>'
    inner = sentences(one.sentence.get("zh", ""), one.sentence.get("en", "")) + _numbers(one)
    if one.verdict == "good":
        return f'<p>{head}{mark} {at}</p><div class="brief">{inner}</div>'
    inner += sentences(one.remedy.get("zh", ""), one.remedy.get("en", ""))
    return f"<p>{head}{mark}{what}{ratio} {at}</p>{inner}"


def _numbers(one: WiringVerdict) -> str:
    left = dict(one.numbers)
    parts = []
    for sign, name, unit, scale, digits in _MEASURED:
        values = [left.pop(key, None) for key in (name, *(f"{name}_l{phase}" for phase in (1, 2, 3)))]
        known = [f"{value / scale:.{digits}f}" for value in values[1:] if value is not None]
        total = "" if values[0] is None else f"{values[0] / scale:.{digits}f}"
        shown = " = ".join(part for part in (total, " / ".join(known)) if part)
        parts += [f"{sign} {shown} {unit}".strip()] if shown else []
    parts += [f"{name} {value:g}" for name, value in sorted(left.items())]
    return f'<p class="dim small">{told(" · ".join(parts), 4 * CELL_MAX)}</p>' if parts else ""


def _history(past: list[WiringVerdict], site: Site) -> Iterator[str]:
    left = len(past) - HISTORY_MAX
    for one in past[-HISTORY_MAX:]:
        head = f"{named('此前', 'before')}: "
        yield f'<div class="past">{_verdict(head, one, site, corrected=False)}</div>'
    if left > 0:
        yield f'<p class="past">{named(f"更早还有{left}次", f"{left} more before these")}</p>'


def trials(journal: Journal, site: Site) -> Iterator[str]:
    """The on/off test of each line."""
    yield heading("启停试验", "On/off tests")
    for line in journal.lines:
        trial = last_trial(journal, line.id)
        if trial is not None and not trial.skipped:
            yield _trial(trial, line, site)
    before = sum(not one.skipped for one in journal.trials) - sum(
        1 for line in journal.lines if (one := last_trial(journal, line.id)) is not None and not one.skipped
    )
    if before > 0:
        yield f'<p class="dim">{named(f"此前另有{before}次试验", f"{before} more tests before these")}</p>'


def _trial(trial: Trial, line: LineNamed, site: Site) -> str:
    verdict = (
        badge("good", "读数跟随", "the reading follows")
        if trial.follows
        else badge("bad", "读数不跟随", "the reading does not follow")
    )
    whole = clean(f"{line.id} {line.name}".strip(), TITLE_MAX)
    title = Words(whole, whole)
    kind = "treatment" if line.kind == "treatment" else "production"
    drawing = trial_drawing(trial, kind, title, offset_s(site))
    at = told(local(trial.begin_at, offset_s(site)))
    name = f" {told(line.name)}" if line.name else ""
    head = f"<strong>{told(line.id)}</strong>{name} · {told(trial.meter)} {verdict} "
    shown = f'<div class="scroll">{drawing}</div>' if drawing else ""
    text = sentences(trial.sentence.get("zh", ""), trial.sentence.get("en", ""))
    return f'<div class="entry"><p>{head}<span class="dim">{at}</span></p>{text}{shown}</div>'


def commissioning(journal: Journal, site: Site) -> Iterator[str]:
    """From when on a line counts as running, and whether that was learned."""
    yield heading("阈值与调试期", "Thresholds and commissioning")
    heads = (("线路", "line"), ("运行不低于", "on from"), ("停止低于", "off below"), ("依据", "by"))
    yield grid(
        heads,
        [
            (told(one.line), escape(power(one.hi_w)), escape(power(one.lo_w)), named(*SOURCES[one.source]))
            for one in journal.thresholds
        ],
        numbers=(1, 2),
    )
    rows = [("各关联的判定参数", "parameters of the linkages", _learned(site))]
    if period := journal.commissioning:
        begin, end = (
            told(local(at, offset_s(site), "%Y-%m-%d %H:%M")) for at in (period.begin_at, period.until_at)
        )
        rows.append(("调试期", "commissioning period", f"{begin} – {end}"))
    yield facts(rows)


def _learned(site: Site) -> str:
    parts = []
    for one in site.linkage:
        word = named("仅按铭牌", "from the nameplates only")
        if one.parameters is not None:
            try:
                params = LinkageParams.from_dict(one.parameters)
            except ParamsError:
                word = named("参数无法识读", "the parameters cannot be read")
            else:
                zh, en = (
                    ("已学习（暂定）", "learned, provisional")
                    if params.provisional
                    else ("已学习", "learned")
                )
                word = named(zh, en)
        parts.append(f"{told(one.id)}: {word}")
    return "<br>".join(parts) or "—"


def skipped(journal: Journal) -> Iterator[str]:
    """What was not done, and why."""
    yield heading("未做或跳过的项目", "What was not done or was skipped")
    rows = [
        (named(*names), "—", named("未完成", "not done"))
        for step, names in STEP_NAMES.items()
        if step not in journal.steps
    ]
    wiring_name, trial_name = named(*STEP_NAMES["wiring"]), named(*STEP_NAMES["trial"])
    rows += [
        (wiring_name, told(meter.id), named("未检查", "not checked"))
        for meter in journal.meters
        if last_wiring(journal, meter.id) is None
    ]
    for line in journal.lines:
        trial = last_trial(journal, line.id)
        if trial is None:
            rows.append((trial_name, told(line.id), named("未试验", "not tried")))
        elif trial.skipped:
            rows.append((trial_name, told(line.id), told(trial.skipped, 2 * CELL_MAX)))
    yield grid((("项目", "what"), ("对象", "of"), ("原因", "why")), rows)
