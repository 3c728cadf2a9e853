"""What the parameters of a linkage or incomer say, for people: learned, not learned, answered.

Pure and without numpy: the commission verb, the setup and the status page show the same sentences.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from agent.detect.line_params import Answer, LineParams
from agent.detect.params import IncomerParams, LinkageParams
from agent.detect.sentence import name_lines
from evidence.moments import local_text
from evidence.words import Words
from provisioning.words.numbers import duration

LEARNED: Final[Mapping[str, Words]] = {
    "from": Words("学习自{begin}至{end}", "learned from {begin} until {end}"),
    "on": Words(
        "{side}：{hi_kw}千瓦起算运行，低于{lo_kw}千瓦算停止",
        "{side} counts as running from {hi_kw} kW on, as stopped below {lo_kw} kW",
    ),
    "grace": Words(
        "生产启动后，治污须在{grace}内运行；停运或不足约{tau}后报告",
        "treatment has {grace} to start with production; about {tau} without enough of it make a finding",
    ),
    "duty": Words(
        "治污间歇运行：停歇不超过{duty}算正常",
        "treatment works in cycles: rests of up to {duty} are normal",
    ),
    "fill": Words(
        "停歇随生产长短不一：其间生产用电不超过{fill_kwh:.1f}千瓦时，再久也正常",
        "its rests end by production: one with up to {fill_kwh:.1f} kWh of it is normal, however long",
    ),
    "lag": Words("治污滞后于生产{lag}", "treatment follows production after {lag}"),
    "overrun": Words(
        "停产后治污运行不超过{overrun}算正常", "treatment may run on for {overrun} after production"
    ),
    "range": Words("见过的生产功率不超过{range_kw}千瓦", "production was learned up to {range_kw} kW"),
    "follows": Words(
        "治污功率随生产变化：相关系数不低于{limit:+.2f}",
        "treatment follows production in its power: r of at least {limit:+.2f}",
    ),
    "incomer": Words(
        "总进线通常比各线路之和多{lo_kw}至{hi_kw}千瓦",
        "the incomer normally shows {lo_kw} to {hi_kw} kW more than all lines together",
    ),
}
UNLEARNED: Final[Mapping[str, Words]] = {
    "nothing": Words(
        "尚未调试：按铭牌暂判，治污事件多为提示",
        "not commissioned: judged by nameplates, most findings are notices",
    ),
    "states": Words(
        "{side}未同时见过停机与运行：阈值为暂定",
        "{side} was not seen both stopped and running: its threshold is provisional",
    ),
    "envelope": Words(
        "各生产功率下治污应有多少：只判断是否停运",
        "how much treatment each production needs: only treatment that is off is judged",
    ),
    "lag": Words("治污滞后于生产多久：按0秒", "by how long treatment follows production: no lag is counted"),
    "correlation": Words(
        "治污功率是否随生产变化：相关系数只显示，不作判断",
        "whether treatment follows production in its power: r is shown, not judged",
    ),
    "ct": Words("{lines}的待机功率：互感器脱落无法识别", "standby of {lines}: a CT that is off is not told"),
    "stuck": Words("{lines}的读数多久必变：恒值不作判断", "how long {lines} may repeat a value: not judged"),
    "noise": Words(
        "{lines}的负荷波动：过于平稳不作判断", "how much {lines} varies: unnatural steadiness is not judged"
    ),
    "heater": Words(
        "{lines}的功率因数：电加热器替代不作判断",
        "the power factor of {lines}: a heater in its place is not told",
    ),
    "untreated": Words(
        "不超过{untreated_kw}千瓦的生产是否需要治污：调试期内其间从未见治污运行，只作询问",
        "whether production of up to {untreated_kw} kW needs treatment: it was only seen without, and asks",
    ),
    "exceptions": Words("正常工况：治污事件只作询问", "what is normal: findings about treatment only ask"),
    "level": Words(
        "治污由液位等控制，不随生产运行：停歇远超学习到的最长时间或其间的生产用电才报告",
        "a level drives treatment, not production: only rests far longer than learned, or with far more "
        "production in them, are told",
    ),
}
SIDES: Final[Mapping[str, Words]] = {
    "production": Words("生产", "production"),
    "treatment": Words("治污", "treatment"),
}

OPEN: Final[Mapping[str, Words]] = {
    "stop": Words(
        "未见生产停机：能否停机一次，约一小时？（--answer {linkage}.stop=yes 或 no）",
        "production was never seen to stop: can it be stopped once, for about an hour? (--answer "
        "{linkage}.stop=yes or no)",
    ),
    "product": Words(
        "是否还生产其他产品或使用其他设备？（--answer {linkage}.product=yes 或 no）",
        "is another product or machine ever run? (--answer {linkage}.product=yes or no)",
    ),
    "level": Words(
        "治污是否由液位等控制启停？（--answer {linkage}.level=yes 或 no）",
        "does a level start and stop treatment? (--answer {linkage}.level=yes or no)",
    ),
}

Names = Mapping[str, str]
Step = tuple[int, int, int]
"""Production from, least and usual treatment, W."""


def describe_learned(params: LinkageParams, *, whole: bool = True) -> Iterator[Words]:
    """What was learned, a phrase each; without `whole` only what commissioning does not tell itself.

    Nothing for a linkage that was never commissioned.
    """
    if not params.learned_to_s:
        return
    begin, end = (
        local_text(at_s, params.utc_offset_s, "%Y-%m-%d %H:%M")
        for at_s in (params.learned_from_s, params.learned_to_s)
    )
    yield LEARNED["from"].fill(begin=begin, end=end)
    for side, on in (("production", params.on_production), ("treatment", params.on_treatment)):
        yield LEARNED["on"].fill(side=SIDES[side], hi_kw=to_kw(on.hi_w), lo_kw=to_kw(on.lo_w))
    yield LEARNED["grace"].fill(grace=duration(params.grace_s), tau=duration(params.limit_s))
    if params.duty_window_s and not (params.duty_fill_wh and params.only_asks == "level"):
        yield LEARNED["duty"].fill(duty=duration(params.duty_window_s))
    if params.duty_fill_wh:
        yield LEARNED["fill"].fill(fill_kwh=params.duty_fill_wh / 1000)
    if params.lag_s and whole:
        yield LEARNED["lag"].fill(lag=duration(params.lag_s))
    if params.overrun_s:
        yield LEARNED["overrun"].fill(overrun=duration(params.overrun_s))
    if params.range_hi_w and whole:
        yield LEARNED["range"].fill(range_kw=to_kw(params.range_hi_w))
    if params.correlation_sd_w:
        yield LEARNED["follows"].fill(limit=params.correlation_limit)


def describe_unlearned(params: LinkageParams, names: Names, *, whole: bool = True) -> Iterator[Words]:
    """What could not be learned, and what that means; `whole` as above."""
    if not params.learned_to_s:
        yield UNLEARNED["nothing"]
        return
    if params.only_asks:
        yield UNLEARNED[params.only_asks]
    if params.untreated_w:
        yield UNLEARNED["untreated"].fill(untreated_kw=to_kw(params.untreated_w))
    for side, on in (("production", params.on_production), ("treatment", params.on_treatment)):
        if on.provisional and whole:
            yield UNLEARNED["states"].fill(side=SIDES[side])
    for key, is_missing in (
        ("envelope", len(params.envelope) == 1),
        ("lag", whole and not params.lag_s),
        ("correlation", whole and not params.correlation_sd_w),
    ):
        if is_missing:
            yield UNLEARNED[key]
    for key, lines in _list_line_gaps(params).items():
        if lines:
            yield UNLEARNED[key].fill(lines=name_lines(lines, names))


def _list_line_gaps(params: LinkageParams) -> dict[str, list[str]]:
    def without(lines: tuple[LineParams, ...], name: str) -> list[str]:
        return [line.id for line in lines if not getattr(line, name)]

    return {
        "ct": without(params.production, "ct_floor_w"),
        "stuck": without(params.lines, "stuck_on_s"),
        "noise": without(params.treatment, "noise_floor"),
        "heater": without(params.treatment, "pf_heater"),
    }


def list_open(params: LinkageParams) -> Iterator[Words]:
    """The questions that the parameters leave open, as far as these show them."""
    answered = {one.question for one in params.answers}
    raised = {
        "stop": params.on_production.provisional and params.learned_to_s,
        "product": params.range_hi_w,
        "level": params.only_asks == "exceptions",
    }
    for key, is_raised in raised.items():
        if is_raised and key not in answered:
            yield OPEN[key].fill(linkage=params.linkage)


def describe_incomer(params: IncomerParams) -> Words:
    """The band of an incomer."""
    return LEARNED["incomer"].fill(lo_kw=to_kw(params.lo_w), hi_kw=to_kw(params.hi_w))


def list_steps(params: LinkageParams) -> list[Step]:
    """The envelope, with its first step from where production counts as running; [] if it was not learned."""
    if len(params.envelope) == 1:
        return []
    steps: list[Step] = []
    for one in params.envelope:
        shown = [to_kw(watts) for watts in (one.lo_w, one.median_w)]
        if not steps or [to_kw(watts) for watts in steps[-1][1:]] != shown:
            steps.append((one.from_w or params.on_production.hi_w, one.lo_w, one.median_w))
    return steps


def to_kw(watts: float) -> str:
    """Kilowatts with the decimals that matter."""
    return f"{watts / 1000:.1f}" if abs(watts) >= 10_000 else f"{watts / 1000:.2f}"


def list_answers(params: LinkageParams | IncomerParams) -> tuple[Answer, ...]:
    """What a person answered."""
    return params.answers if isinstance(params, LinkageParams) else ()
