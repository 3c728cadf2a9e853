"""The sentences of a commissioning that are about a line or about the whole period."""

from typing import Final

from agent.detect.learning.exception_list import Finding
from agent.detect.learning.thresholds import Mode

HOUR_S: Final = 3600
_SIDES: Final = {"production": "生产", "treatment": "治污"}
_MODES: Final = {Mode.ALWAYS_ON: "从未停机", Mode.NEVER_ON: "几乎从未运行", Mode.BOTH: "启停均有"}


def no_samples(line: str) -> Finding:
    """A line said nothing."""
    return Finding(f"{line}：没有任何样本", f"{line}: no samples at all")


def sparse(line: str, share: int, dt_s: int) -> Finding:
    """A line said little."""
    return Finding(
        f"{line}：{dt_s}秒时隙中只有{share}%有样本；dt_s与采集周期是否相符？",
        f"{line}: {share} % of the {dt_s} s slots are filled; does dt_s fit the polling?",
    )


def reversed_ct(line: str) -> Finding:
    """A line delivers power."""
    return Finding(
        f"{line}：功率为负，互感器装反",
        f"{line}: negative power, a current transformer is the wrong way round",
    )


def hardly_ran(line: str, sisters: tuple[str, ...]) -> Finding:
    """A line was not seen at work, and is judged as its sisters are."""
    if not sisters:
        return Finding(
            f"{line}：几乎从未运行；只判断其读数是否不变，暂定",
            f"{line} hardly ran: only the repetition of a value is judged, provisionally",
        )
    return Finding(
        f"{line}：几乎从未运行；暂按{'、'.join(sisters)}的特性判断",
        f"{line} hardly ran: it is judged as {', '.join(sisters)} behaved, provisionally",
    )


def no_envelope() -> Finding:
    """Treatment was not seen at work."""
    return Finding(
        "生产运行时几乎未见治污运行：只知其停机阈值",
        "treatment was hardly seen running under production: only its off threshold is known",
    )


def short_period(span_s: int, usual_s: int) -> Finding:
    """Less than usual was recorded."""
    return Finding(
        f"只记录了{span_s / HOUR_S:.0f}小时，通常为{usual_s // HOUR_S}小时",
        f"only {span_s / HOUR_S:.0f} h recorded, {usual_s // HOUR_S} h are usual",
    )


def too_little(span_s: int, seen: tuple[int, int], needed: tuple[int, int], extend_s: int) -> Finding:
    """Not enough starts or hours (both as starts and seconds on); extend, or go on as provisional."""
    zh_then = f"请再记录{extend_s // HOUR_S}小时" if extend_s else "作为暂定参数使用"
    then = f": record {extend_s // HOUR_S} h more" if extend_s else ": used as provisional"
    return Finding(
        f"{span_s / HOUR_S:.0f}小时内生产启动{seen[0]}次、运行{seen[1] / HOUR_S:.1f}小时；"
        f"需要{needed[0]}次、{needed[1] // HOUR_S}小时；{zh_then}",
        f"seen in {span_s / HOUR_S:.0f} h: {seen[0]} starts of production, {seen[1] / HOUR_S:.1f} h on; "
        f"needed are {needed[0]} starts and {needed[1] // HOUR_S} h on{then}",
    )


def provisional_side(side: str, mode: Mode) -> Finding:
    """A threshold without both states."""
    return Finding(
        f"{_SIDES[side]}{_MODES[mode]}：其阈值为暂定",
        f"{side} was {mode.value}: its threshold is provisional",
    )


def interrupted(seconds: int, window_s: int) -> Finding:
    """Short interruptions were many already."""
    return Finding(
        f"治污在{window_s // HOUR_S}小时内短时中断累计{seconds // 60}分钟；未作为正常学习，请说明原因或整改",
        f"short interruptions of treatment added up to {seconds // 60} min within {window_s // HOUR_S} h; "
        "not learned as normal, explain or mend it",
    )
