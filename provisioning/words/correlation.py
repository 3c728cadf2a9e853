"""The correlation of production and treatment in words: r with its window and lag, or why there is none.

Takes a linkage of the status object or the numbers of an episode; both have the same names. What an older
agent did not write is left out.
"""

from collections.abc import Mapping
from typing import Any, Final

from evidence.words import Words

MINUTE_S: Final = 60
TOO_FEW: Final = "too few samples"
_OF_LINES: Final = frozenset({"data_loss", "stuck", "flat", "dummy", "ct_prod", "reversed", "feed_residual"})
"""Rules whose findings say nothing about treatment following production."""

WORDS: Final[Mapping[str, Words]] = {
    "name": Words("生产与治污的相关：{known}", "correlation of production and treatment: {known}"),
    "r": Words("r = {r:+.2f}", "r = {r:+.2f}"),
    "short r": Words("{r:+.2f} · {minutes}分钟", "{r:+.2f} · {minutes} min"),
    "short steady": Words("{r:+.2f} · 生产几乎不变", "{r:+.2f} · steady production"),
    "window": Words("，最近{minutes}分钟", " over the last {minutes} min"),
    "of window": Words("，最近{minutes}分钟（窗口{window}分钟）", " over {minutes} of {window} min"),
    "lag": Words("，按学习到的滞后{lag}", " at the learned lag of {lag}"),
    "short lag": Words(" · 滞后{lag}", " · {lag} later"),
    "no lag": Words("，不计滞后", " at no lag"),
    "lag unknown": Words("，滞后尚未学习", ", its lag not learned"),
    "short unknown": Words(" · 未调试", " · no lag yet"),
    "seconds": Words("{count}秒", "{count} s"),
    "minutes": Words("{count}分钟", "{count} min"),
    "at least": Words("；调试期不低于{limit:+.2f}", "; commissioning saw at least {limit:+.2f}"),
    "steady": Words("；生产几乎不变，此时r说明不了什么", "; production hardly varies, so r says nothing now"),
    "not judged": Words("；该关联不以r作判断", "; r is not judged for this linkage"),
    "too few": Words(
        "样本不足：{minutes}分钟，至少需要{least}分钟", "too few samples: {minutes} of {least} min needed"
    ),
    "short few": Words("样本{minutes}/{least}分钟", "{minutes} of {least} min"),
    TOO_FEW: Words("样本不足", "too few samples"),
    "production constant": Words("生产负荷恒定，无可相关", "production constant: nothing to correlate"),
    "treatment constant": Words("治污负荷恒定，无可相关", "treatment constant: nothing to correlate"),
    "short production constant": Words("生产负荷恒定", "production constant"),
    "short treatment constant": Words("治污负荷恒定", "treatment constant"),
}


def describe_correlation(known: Mapping[str, Any]) -> Words | None:
    """A phrase for a page; None where nothing is known of a correlation."""
    r, reason = known.get("correlation"), _find_reason(known)
    if r is None:
        return _describe_reason(known, reason) if reason else None
    parts = [WORDS["r"].fill(r=r)]
    minutes, window = known.get("correlated_minutes"), known.get("correlation_minutes")
    if minutes is not None:
        whole = window is None or minutes >= window
        parts.append(WORDS["window" if whole else "of window"].fill(minutes=minutes, window=window))
    parts.append(_describe_lag(known))
    if "correlation_limit" in known and _is_learned(known):
        limit = known["correlation_limit"]
        if limit is None or not _is_varied(known):
            parts.append(WORDS["not judged" if limit is None else "steady"])
        else:
            parts.append(WORDS["at least"].fill(limit=limit))
    return _join(parts)


def describe_for_episode(body: Mapping[str, Any]) -> Words | None:
    """The phrase with its name, for an episode of a linkage; None for one of a line or an incomer."""
    if body["rule"] in _OF_LINES or "correlated_minutes" not in body["numbers"]:
        return None
    known = describe_correlation(body["numbers"])
    return None if known is None else WORDS["name"].fill(known=known)


def shorten_correlation(known: Mapping[str, Any]) -> Words:
    """The same for a cell of a table."""
    r, reason = known.get("correlation"), _find_reason(known)
    if r is None:
        if reason == TOO_FEW and "correlated_minutes" in known:
            return WORDS["short few"].fill(**_count(known))
        return WORDS.get(f"short {reason}") or WORDS[TOO_FEW]
    minutes = known.get("correlated_minutes")
    if _is_learned(known) and not _is_varied(known):
        return WORDS["short steady"].fill(r=r)
    text = Words.same(f"{r:+.2f}") if minutes is None else WORDS["short r"].fill(r=r, minutes=minutes)
    lag_s = known.get("lag_s", 0)
    if not _is_learned(known):
        return _join([text, WORDS["short unknown"]])
    return _join([text, WORDS["short lag"].fill(lag=_to_lag(lag_s))]) if lag_s else text


def _describe_reason(known: Mapping[str, Any], reason: str) -> Words:
    if reason == TOO_FEW:
        return WORDS["too few"].fill(**_count(known)) if "correlated_minutes" in known else WORDS[TOO_FEW]
    return WORDS.get(reason) or Words.same(reason)


def _describe_lag(known: Mapping[str, Any]) -> Words:
    if not _is_learned(known):
        return WORDS["lag unknown"]
    lag_s = known.get("lag_s", 0)
    return WORDS["lag"].fill(lag=_to_lag(lag_s)) if lag_s else WORDS["no lag"]


def _find_reason(known: Mapping[str, Any]) -> str:
    return str(known.get("undefined_reason") or known.get("correlation_undefined") or "")


def _is_learned(known: Mapping[str, Any]) -> bool:
    return bool(known.get("learned", known.get("learned_to_s", 1)))


def _is_varied(known: Mapping[str, Any]) -> bool:
    """Whether production varied enough for r to say something; an older agent does not tell."""
    return bool(known.get("correlation_varied", True))


def _count(known: Mapping[str, Any]) -> dict[str, Any]:
    return {"minutes": known["correlated_minutes"], "least": known["correlated_minutes_min"]}


def _to_lag(lag_s: int) -> Words:
    whole = lag_s % MINUTE_S == 0
    return WORDS["minutes" if whole else "seconds"].fill(count=lag_s // MINUTE_S if whole else lag_s)


def _join(parts: list[Words]) -> Words:
    return Words("".join(part.zh for part in parts), "".join(part.en for part in parts))
