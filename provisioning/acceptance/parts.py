"""The parts of the acceptance sheet, each drawn from the journal of the setup and the site file.

Nothing here judges: verdicts, thresholds and hashes are as the journal has them. Repeated measurements
are shown with the earlier results, so that a corrected mistake is visible; what was not done is named.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from agent.detect.param_table import ParamsError
from agent.detect.params import LinkageParams
from agent.site.file import Site
from evidence.moments import zone_s
from evidence.words import Words
from provisioning.acceptance.trial import draw_trial, local
from provisioning.journal.entries import (
    STEPS,
    Journal,
    LineNamed,
    MeterFound,
    Trial,
    WiringVerdict,
    find_last_trial,
    find_last_wiring,
)
from provisioning.pages.html import Html, escape, join, markup
from provisioning.pages.paper import (
    CELL_MAX,
    badge,
    clean,
    code,
    facts,
    grid,
    heading,
    isolated,
    sentences,
    to_html,
)
from provisioning.terminal.qr_code import list_squares
from provisioning.words.labels import LABELS
from provisioning.words.numbers import power

SOURCES: Final[Mapping[str, Words]] = {
    "nameplate": Words("按铭牌", "from the nameplate"),
    "trial": Words("按启停试验", "from the on/off test"),
    "typed": Words("人工输入", "typed"),
}
_VERDICTS: Final[Mapping[str, tuple[str, Words]]] = {
    "good": ("good", Words("接线正常", "wired correctly")),
    "mistake": ("bad", Words("接线错误", "wiring mistake")),
    "undecided": ("open", Words("未能判定", "not decided")),
}
_LEARNED: Final[Mapping[bool, Words]] = {
    True: Words("已学习（暂定）", "learned, provisional"),
    False: Words("已学习", "learned"),
}
_CORRECTED: Final = Words("{verdict}（已纠正）", "{verdict}, a mistake was corrected")
TITLE_MAX: Final = 40
"""Characters above a drawing, next to which its limits are named."""
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
"""Earlier verdicts printed for one meter; the rest is counted."""


def offset_s(site: Site) -> int:
    """The offset of the plant's zone from UTC."""
    return zone_s(site.site.utc_offset)


def draw_place(journal: Journal, site: Site) -> Iterator[Html]:
    """The enterprise and its site."""
    known = journal.site
    yield heading(Words("企业与场所", "Enterprise and site"))
    yield facts(
        [
            (Words("企业名称", "enterprise"), isolated(known.enterprise)),
            (Words("统一社会信用代码", "unified social credit code"), code(known.uscc)),
            (Words("场所名称", "site"), isolated(known.name or site.site.name)),
            (Words("地址", "address"), isolated(known.address, 2 * CELL_MAX)),
            (Words("安装人员", "installed by"), isolated(journal.technician)),
            (Words("厂区时区", "zone of all times below"), isolated(f"UTC{site.site.utc_offset}")),
        ]
    )


def draw_fingerprints(journal: Journal, site: Site, site_hash: str, version: str) -> Iterator[Html]:
    """The fingerprints of the gateway and its centre."""
    one = journal.enrolment
    yield heading(Words("网关与指纹", "Gateway and fingerprints"))
    rows = [
        (Words("网关编号", "gateway"), code(journal.site.gateway or site.site.gateway)),
        (Words("软件版本", "software"), code(f"dianjian-edge {version}")),
        (Words("配置文件 SHA-256", "SHA-256 of the site file"), code(site_hash)),
    ]
    if one is not None:
        way = join((isolated(one.transport), isolated(local(one.at, offset_s(site)))), " ")
        rows += [
            (Words("首个公钥", "first key of the chain"), code(one.first_key)),
            (Words("恢复公钥", "recovery key"), code(one.recovery_key)),
            (Words("设备证书 SHA-256", "SHA-256 of the device certificate"), code(one.certificate_sha256)),
            (Words("中心公钥", "key of the centre"), code(one.centre_key)),
            (Words("登记方式与时间", "enrolled"), way),
        ]
    yield facts(rows)


def draw_page(site: Site) -> Iterator[Html]:
    """Where persons of the plant declare: the address as a QR code, and the fingerprint to compare."""
    page = site.page
    if page is None:
        return
    yield heading(Words("企业申报页面", "The plant's page for declarations"))
    yield _draw_squares(list_squares(page.url))
    seen = code(page.certificate_sha256.hex()) if page.certificate_sha256 else Html("—")
    yield facts(
        [
            (Words("地址（手机扫码）", "address, for a telephone to scan"), code(page.url)),
            (
                Words("证书 SHA-256（首次打开时核对）", "SHA-256 of its certificate, to compare at first"),
                seen,
            ),
        ]
    )


def _draw_squares(rows: Sequence[Sequence[bool]]) -> Html:
    """A QR code as one path, a millimetre a square."""
    path = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark
    )
    return markup(
        '<svg class="qr" viewBox="0 0 {0} {0}" width="{0}mm" height="{0}mm" shape-rendering="crispEdges">'
        '<path fill="#fff" d="M0 0h{0}v{0}h-{0}z"/><path d="{1}"/></svg>',
        len(rows),
        path,
    )


def draw_receipt(journal: Journal, site: Site) -> Iterator[Html]:
    """The first seal for which the centre signed a receipt."""
    yield heading(Words("中心首个回执", "First receipt of the centre"))
    one = journal.receipt
    if one is None:
        yield markup("<p>{}</p>", badge("open", Words("尚无回执", "no receipt yet")))
        return
    sealed = join((badge("good", Words("已回执", "receipted")), isolated(one.seal)), " ")
    yield facts(
        [
            (Words("签封编号", "seal"), sealed),
            (Words("签封哈希", "hash of the seal"), code(one.hash)),
            (Words("回执时间", "time"), isolated(local(one.at, offset_s(site)))),
        ]
    )


def draw_lines(journal: Journal) -> Iterator[Html]:
    """Lines with their nameplates, and their linkages."""
    yield heading(Words("线路与关联", "Lines and linkages"))
    meters = {line.id: [one.id for one in journal.meters if one.line == line.id] for line in journal.lines}
    heads = (
        Words("线路", "line"),
        Words("类别", "kind"),
        Words("名称", "name"),
        Words("设备", "equipment"),
        Words("铭牌功率", "rated"),
        Words("电表", "meters"),
    )
    rows = [
        (
            isolated(line.id),
            to_html(LABELS[line.kind]),
            isolated(line.name),
            isolated(line.equipment),
            escape(power(line.rated_w)),
            isolated(", ".join(meters[line.id])),
        )
        for line in journal.lines
    ]
    yield grid(heads, rows, numbers=(4,))
    yield grid(
        (
            Words("关联", "linkage"),
            Words("生产运行时", "while this runs"),
            Words("治理须运行", "this must run"),
        ),
        [
            (isolated(one.id), isolated(" + ".join(one.production)), isolated(" + ".join(one.treatment)))
            for one in journal.linkages
        ],
    )


def draw_meters(journal: Journal) -> Iterator[Html]:
    """Every meter: its place, its model, its meter seals."""
    yield heading(Words("电表", "Meters"))
    heads = (
        Words("电表", "meter"),
        Words("线路", "line"),
        Words("总线 · 地址", "bus · address"),
        Words("型号（可信度）", "model (confidence)"),
        Words("序列号", "serial"),
        Words("变比 CT/PT", "ratios"),
        Words("额定", "rated"),
        Words("封号", "seals"),
    )
    yield grid(heads, [_draw_meter(one) for one in journal.meters])
    buses = ", ".join(f"{bus.id} = {bus.url}" for bus in journal.buses)
    yield markup('<p class="dim">{}: {}</p>', to_html(Words("总线", "buses")), code(buses))


def draw_verification(journal: Journal, site: Site) -> Iterator[Html]:
    """The verification of meters and transformers in the site file, and what had ended by the last step."""
    known = [one for one in site.meter if one.verified_to or one.verification or one.ct_verification]
    if not known:
        return
    today = max((local(at, offset_s(site), "%Y-%m-%d") for at in journal.steps.values()), default="")
    yield heading(Words("检定", "Verification"))
    heads = (
        Words("电表", "meter"),
        Words("电表检定证书号", "certificate of the meter"),
        Words("有效期至", "until"),
        Words("互感器检定证书号", "of the transformers"),
        Words("有效期至", "until"),
    )
    rows = [
        (
            isolated(one.id),
            code(one.verification),
            _draw_end(one.verified_until, today),
            code(one.ct_verification),
            _draw_end(one.ct_verified_until, today),
        )
        for one in known
    ]
    yield grid(heads, rows)


def _draw_end(end: date | None, today: str) -> Html:
    if end is None:
        return Html("—")
    ended = badge("bad", Words("已过期", "ENDED"))
    return join((escape(end.isoformat()), ended), " ") if end.isoformat() < today else escape(end.isoformat())


def _draw_meter(one: MeterFound) -> tuple[Html, ...]:
    called = one.address if one.unit_id is None else one.unit_id
    share = f"{100 * one.confidence:.0f}"  # a model that nobody confirmed is marked with its confidence
    sure = "" if one.confidence >= 1 else markup(' <span class="dim">{} %</span>', share)
    return (
        isolated(one.id),
        isolated(one.line or ""),
        join((isolated(one.bus), isolated("" if called is None else called)), " · "),
        markup("{}{}", isolated(one.model), sure),
        code(one.serial),
        escape(f"{one.ct_ratio:g} / {one.pt_ratio:g}"),
        escape("—" if one.rated_a is None else f"{one.rated_a:g} A"),
        code(", ".join(one.seal_numbers)),
    )


def draw_wiring(journal: Journal, site: Site) -> Iterator[Html]:
    """The current verdict for each meter, and earlier ones."""
    yield heading(Words("接线检查", "Wiring check"))
    for meter in journal.meters:
        if meter.fast_s is not None:  # a data logger has no transformers
            continue
        last = find_last_wiring(journal, meter.id)
        line = markup(" → {}", isolated(meter.line)) if meter.line else ""
        head = markup("<strong>{}</strong>{} ", isolated(meter.id), line)
        if last is None:
            unchecked = badge("open", Words("未检查", "not checked"))
            yield markup('<div class="entry"><p>{}{}</p></div>', head, unchecked)
            continue
        past = [one for one in journal.wiring if one.meter == meter.id][:-1]
        corrected = last.verdict == "good" and any(one.verdict == "mistake" for one in past)
        yield markup('<div class="entry">{}', _draw_verdict(head, last, site, corrected=corrected))
        yield from _draw_history(past, site)
        yield Html("</div>")


def _draw_verdict(head: Html, one: WiringVerdict, site: Site, *, corrected: bool) -> Html:
    kind, words = _VERDICTS[one.verdict]
    mark = badge(kind, _CORRECTED.fill(verdict=words) if corrected else words)
    what = markup(" {}", code(" ".join((one.mistake, *one.phases)))) if one.mistake else ""
    ratio = f" × {one.ratio:g}" if one.ratio is not None and one.mistake else ""
    at = markup('<span class="dim">{}</span>', isolated(local(one.at, offset_s(site))))
    inner = join((sentences(one.sentence), _draw_numbers(one)))
    if one.verdict == "good":
        return markup('<p>{}{} {}</p><div class="brief">{}</div>', head, mark, at, inner)
    return markup("<p>{}{}{}{} {}</p>{}{}", head, mark, what, ratio, at, inner, sentences(one.remedy))


def _draw_numbers(one: WiringVerdict) -> Html:
    left = dict(one.numbers)
    parts = []
    for sign, name, unit, scale, digits in _MEASURED:
        values = [left.pop(key, None) for key in (name, *(f"{name}_l{phase}" for phase in (1, 2, 3)))]
        known = [f"{value / scale:.{digits}f}" for value in values[1:] if value is not None]
        total = "" if values[0] is None else f"{values[0] / scale:.{digits}f}"
        shown = " = ".join(part for part in (total, " / ".join(known)) if part)
        parts += [f"{sign} {shown} {unit}".strip()] if shown else []
    parts += [f"{name} {value:g}" for name, value in sorted(left.items())]
    if not parts:
        return Html("")
    return markup('<p class="dim small">{}</p>', isolated(" · ".join(parts), 4 * CELL_MAX))


def _draw_history(past: list[WiringVerdict], site: Site) -> Iterator[Html]:
    left = len(past) - HISTORY_MAX
    head = markup("{}: ", to_html(Words("此前", "before")))
    for one in past[-HISTORY_MAX:]:
        yield markup('<div class="past">{}</div>', _draw_verdict(head, one, site, corrected=False))
    if left > 0:
        more = Words(f"更早还有{left}次", f"{left} more before these")
        yield markup('<p class="past">{}</p>', to_html(more))


def draw_trials(journal: Journal, site: Site) -> Iterator[Html]:
    """The on/off test of each line."""
    yield heading(Words("启停试验", "On/off tests"))
    before = sum(not one.skipped for one in journal.trials)
    for line in journal.lines:
        trial = find_last_trial(journal, line.id)
        if trial is not None and not trial.skipped:
            before -= 1
            yield _draw_trial(trial, line, site)
    if before > 0:
        more = to_html(Words(f"此前另有{before}次试验", f"{before} more tests before these"))
        yield markup('<p class="dim">{}</p>', more)


def _draw_trial(trial: Trial, line: LineNamed, site: Site) -> Html:
    verdict = (
        badge("good", Words("读数跟随", "the reading follows"))
        if trial.follows
        else badge("bad", Words("读数不跟随", "the reading does not follow"))
    )
    title = Words.same(clean(line.label, TITLE_MAX))
    kind = "treatment" if line.kind == "treatment" else "production"
    drawing = draw_trial(trial, kind, title, offset_s(site))
    at = isolated(local(trial.begin_at, offset_s(site)))
    return markup(
        '<div class="entry"><p><strong>{}</strong>{} · {} {} <span class="dim">{}</span></p>{}{}</div>',
        isolated(line.id),
        markup(" {}", isolated(line.name)) if line.name else "",
        isolated(trial.meter),
        verdict,
        at,
        sentences(trial.sentence),
        drawing,
    )


def draw_commissioning(journal: Journal, site: Site) -> Iterator[Html]:
    """From when on a line counts as running, and whether that was learned."""
    yield heading(Words("阈值与调试期", "Thresholds and commissioning"))
    on, off = Words("运行不低于", "on from"), Words("停止低于", "off below")
    heads = (Words("线路", "line"), on, off, Words("依据", "by"))
    cells = [
        (isolated(one.line), escape(power(one.hi_w)), escape(power(one.lo_w)), to_html(SOURCES[one.source]))
        for one in journal.thresholds
    ]
    yield grid(heads, cells, numbers=(1, 2))
    rows = [(Words("各关联的判定参数", "parameters of the linkages"), _describe_learned(site))]
    if period := journal.commissioning:
        ends = (local(at, offset_s(site), "%Y-%m-%d %H:%M") for at in (period.begin_at, period.until_at))
        rows.append((Words("调试期", "commissioning period"), join(map(isolated, ends), " – ")))
    yield facts(rows)


def _describe_learned(site: Site) -> Html:
    parts = []
    for one in site.linkage:
        words = Words("仅按铭牌", "from the nameplates only")
        if one.parameters is not None:
            try:
                words = _LEARNED[LinkageParams.from_dict(one.parameters).provisional]
            except ParamsError:
                words = Words("参数无法识读", "the parameters cannot be read")
        parts.append(markup("{}: {}", isolated(one.id), to_html(words)))
    return join(parts, Html("<br>")) or Html("—")


def draw_skipped(journal: Journal) -> Iterator[Html]:
    """Steps that were not done, and why."""
    yield heading(Words("未做或跳过的项目", "What was not done or was skipped"))
    rows = [
        (to_html(names), Html("—"), to_html(Words("未完成", "not done")))
        for step, names in STEPS.items()
        if step not in (*journal.steps, "sheet")
    ]
    wiring_name, trial_name = to_html(STEPS["wiring"]), to_html(STEPS["trial"])
    rows += [
        (wiring_name, isolated(meter.id), to_html(Words("未检查", "not checked")))
        for meter in journal.meters
        if find_last_wiring(journal, meter.id) is None and meter.fast_s is None
    ]
    for line in journal.lines:
        trial = find_last_trial(journal, line.id)
        if trial is None:
            rows.append((trial_name, isolated(line.id), to_html(Words("未试验", "not tried"))))
        elif trial.skipped:
            rows.append((trial_name, isolated(line.id), isolated(trial.skipped, 2 * CELL_MAX)))
    yield grid((Words("项目", "what"), Words("对象", "of"), Words("原因", "why")), rows)
