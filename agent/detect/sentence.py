"""One sentence about an episode for the people of the plant, in Chinese and in English.

It gives the date, what ran, what did not, from when to when and for how long in the whole deed, how complete
the data is, what it rests on where that was not seen at commissioning, and who has to do what. Lines have the
names that the site file gives them. Times are in the plant's zone, powers in kW with as many decimals as it
takes to tell them apart. Pure: equal numbers and names give equal sentences.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agent.detect import words
from agent.detect.channels import Cause
from agent.detect.episode import OFF_RULES, Rule, Severity
from agent.detect.params import LinkageParams
from evidence.moments import local_text
from evidence.words import Words

DATE: Final = "%Y-%m-%d"
TIME: Final = "%H:%M"
DAY_S: Final = 86_400
LEARN_DAYS: Final = 3
"""Commissioning learns from 72 hours."""
LEARN_AGAIN: Final = frozenset({Rule.CHANGED, Rule.UNLEARNED})
"""Rules that propose to learn again."""
NAME_CHARACTERS_MAX: Final = 40
"""A longer name is a description; it is cut so that a sentence stays one."""
NAMED_MAX: Final = 8
"""Of more lines the first are named and the rest is counted."""
DECIMALS_MAX: Final = 3
"""Whole watts differ in the third decimal of a kilowatt at the latest."""
OF_LINE: Final = frozenset({Rule.STUCK, Rule.FLAT, Rule.DUMMY, Rule.CT_PROD})
"""Rules that rest on what was learned of one line."""
RESTS_ON_NOTHING: Final = frozenset({Rule.DATA_LOSS, Rule.REVERSED, Rule.INCOMER_RESIDUAL})
"""Rules that rest on no threshold of a linkage or line."""
COMPARED: Final = (
    ("treatment_low_w", "treatment_expected_w", "treatment_normal_w"),
    ("production_w", "range_hi_w", "untreated_w"),
    ("residual_w", "residual_lo_w", "residual_hi_w"),
)
"""Powers that stand beside each other in a sentence and have to be told apart."""
COMPARED_OFF: Final = ("treatment_w", "treatment_normal_w")
"""The same where treatment does not run."""

Names = Mapping[str, str]
"""By line the name in the site file; a line without one is called by its id."""
Numbers = Mapping[str, Any]


def write_sentence(
    rule: Rule,
    lines: Sequence[str],
    numbers: Numbers,
    offset_s: int,
    names: Names | None = None,
    severity: Severity | None = None,
) -> dict[str, str]:
    """The sentence in both languages, as a record carries it; the bureau is asked to act on a violation."""
    values = plan_learning(numbers["begin_at_s"], offset_s) | _to_values(rule, numbers, offset_s)
    values |= {
        "lines": name_lines(lines, names or {}),
        "since": _describe_time(rule, numbers, values),
        "cause": words.CAUSES[_find_cause(rule, numbers)],
        "refused": words.REFUSED.fill(**values) if numbers.get("rejected") else Words("", ""),
        "elsewhere": words.ELSEWHERE[numbers.get("voltage_elsewhere")],
        "direction": words.DIRECTIONS[numbers.get("residual_w", 0) > 0],
        "mistakes": _list_mistakes(numbers.get("wiring", {})),
    }
    if rule in words.WHAT:
        values |= _describe_deed(rule, numbers, values)
    if "untold_count" in numbers:
        values["untold_for"] = to_duration(numbers["untold_for_s"])
    parts = [_find_template(rule, numbers).fill(**values)]
    parts += (one.fill(**values) for one in _list_endings(rule, numbers))
    if severity is Severity.VIOLATION:
        parts.append(words.BUREAU_ACTION)
    zh, en = "".join(part.zh for part in parts), " ".join(part.en for part in parts)
    return Words(zh, en[0].upper() + en[1:]).to_body()


def plan_learning(begin_at_s: int, offset_s: int) -> dict[str, str]:
    """The days to learn from again after a change that began then: the first whole ones, both included."""
    first_s = ((begin_at_s + offset_s) // DAY_S + 1) * DAY_S
    last_s = first_s + (LEARN_DAYS - 1) * DAY_S
    return {"learn_from_day": local_text(first_s, 0, DATE), "learn_until_day": local_text(last_s, 0, DATE)}


def list_unseen(params: LinkageParams, lines: Sequence[str]) -> list[str]:
    """What findings about `lines` rest on without having been seen: keys of `words.UNSEEN`."""
    if not params.learned_to_s:
        return []
    own = [line for line in params.lines if len(lines) == 1 and line.id == lines[0]]
    found = [
        name
        for name, holds in (
            ("production", params.on_production.provisional),
            ("treatment", params.on_treatment.provisional),
            ("envelope", len(params.envelope) == 1),
            ("line", any(line.threshold.provisional for line in own)),
            ("normal", params.only_asks == "exceptions"),
            ("level", params.only_asks == "level"),
        )
        if holds
    ]
    return found or ["enough"] * params.provisional


def name_lines(lines: Sequence[str], names: Names) -> Words:
    """The lines by name, else by id; both where two have one name."""
    shown = [_name_line(line, names) for line in lines[:NAMED_MAX]]
    more = len(lines) - len(shown)
    zh = "、".join(shown) + (f"等{len(lines)}条" if more else "")
    if more:
        return Words(zh, f"lines {', '.join(shown)} and {more} more")
    if len(shown) == 1:
        return Words(zh, f"line {shown[0]}")
    return Words(zh, f"lines {', '.join(shown[:-1])} and {shown[-1]}")


def _name_line(line: str, names: Names) -> str:
    # What people write into a file may hold anything; a sentence is one printable line.
    name = "".join(one if one.isprintable() else " " for one in names.get(line, ""))
    name = " ".join(name.split())
    if len(name) > NAME_CHARACTERS_MAX:
        name = name[: NAME_CHARACTERS_MAX - 1] + "…"
    if not name or name == line:
        return line
    is_shared = sum(other == names[line] for other in names.values()) > 1
    return f"“{name}”({line})" if is_shared else f"“{name}”"


def _describe_time(rule: Rule, numbers: Numbers, values: Mapping[str, Any]) -> Words:
    """Since when, or from when to when; what happened again and again is told since its first time."""
    if "end_at_s" not in numbers or rule in words.WHAT:
        return words.LASTING.fill(**values)
    lasted = to_duration(numbers["end_at_s"] - numbers["begin_at_s"])
    return words.ENDED.fill(**{**values, "lasted": lasted})


def _describe_deed(rule: Rule, numbers: Numbers, values: Mapping[str, Any]) -> dict[str, Words]:
    """What treatment did, at which power, for how long, and whether its grace had ended."""
    what = words.WHAT[rule].fill(**values)
    if not numbers.get("pf_judged", False):
        unsure = {Rule.IDLE: words.IDLE_OR_SLOW, Rule.UNDERSPEED: words.LOW_POWER}
        what = unsure.get(rule, what).fill(**values)
    if rule is Rule.PHASE_LOST and not numbers.get("phase"):
        what = words.VOLTAGE_LOST
    values = {**values, "deficit_for": to_duration(numbers["deficit_for_s"])}
    so_far = (words.IN_ALL if "end_at_s" in numbers else words.SO_FAR).fill(**values)
    if numbers.get("deficit_runs", 1) > 1:
        runs = words.OF_RUNS.fill(**values)
        so_far = Words(so_far.zh + runs.zh, so_far.en + runs.en)
    waited = numbers["begin_at_s"] < numbers["grace_end_at_s"] and numbers.get("deficit_runs", 1) == 1
    late = rule is Rule.LATE_START and waited
    return {
        "what": what,
        "level": _describe_level(numbers).fill(**values),
        "so_far": so_far,
        "grace": words.GRACE.fill(**values) if late else Words("", ""),
    }


def _describe_level(numbers: Numbers) -> Words:
    """What treatment should have drawn: the learned least, or the usual where no more than "on" was asked."""
    low, least, normal = (numbers[f"treatment_{name}_w"] for name in ("low", "expected", "normal"))
    if numbers["treatment_on_w"] < least and low < least < normal:
        return words.AT_LEAST
    return words.OF_NORMAL if low < normal else Words("", "")


def to_duration(seconds: float) -> Words:
    """A duration in minutes, from two hours on in hours and minutes."""
    minutes = max(round(seconds / 60), 1)
    if minutes < 120:
        return Words(f"{minutes}分钟", f"{minutes} min")
    hours, rest = divmod(minutes, 60)
    return (
        Words(f"{hours}小时{rest}分钟", f"{hours} h {rest} min")
        if rest
        else Words(f"{hours}小时", f"{hours} h")
    )


def _list_endings(rule: Rule, numbers: Numbers) -> Iterable[Words]:
    """What the finding rests on, and who has to do what."""
    if rule not in RESTS_ON_NOTHING:
        if numbers.get("provisional") and not numbers.get("learned_to_s"):
            yield words.THIN
        elif unseen := _list_unseen(rule, numbers):
            texts = [words.UNSEEN[name] for name in unseen]
            zh, en = "、".join(text.zh for text in texts), " or ".join(text.en for text in texts)
            yield words.PROVISIONAL.fill(what=Words(zh, en))
    shown = next((action for name, action in words.SHOWN_ACTIONS.items() if name in numbers), None)
    if rule is Rule.DATA_LOSS and "voltage_elsewhere" in numbers:
        yield words.NO_SUPPLY_ACTION
    elif shown is not None:
        yield shown
    elif rule in OFF_RULES and "end_at_s" in numbers:
        yield words.OFF_ENDED_ACTION
    elif rule in words.ACTIONS:
        yield words.ACTIONS[rule]
    if rule in OFF_RULES and numbers.get("cause") in {Cause.BREAKER_OR_CT, Cause.CT}:
        yield words.CT_ACTION


def _list_unseen(rule: Rule, numbers: Numbers) -> list[str]:
    kept = {"line", "enough"} if rule in OF_LINE else set(words.UNSEEN) - {"line"}
    return [name for name in numbers.get("unseen", ()) if name in kept and name in words.UNSEEN]


def _find_cause(rule: Rule, numbers: Numbers) -> Cause:
    """The cause to name: it explains power that is missing, not power that is too low."""
    low = rule in words.WHAT and rule not in OFF_RULES
    return Cause.UNKNOWN if low else Cause(numbers.get("cause", Cause.UNKNOWN))


def _find_template(rule: Rule, numbers: Numbers) -> Words:
    if rule in words.WHAT:
        return words.OFF if rule in OFF_RULES else words.LOW
    if rule is Rule.DECOUPLED:
        ran_on = 0 < numbers["overrun_limit_s"] <= numbers["alone_for_s"]
        return words.OVERRUN if ran_on else words.ORPHANS
    if rule is Rule.DATA_LOSS and "voltage_elsewhere" in numbers:
        return words.NO_SUPPLY
    if "repeated_readings" in numbers:
        return words.REPEATED
    if "echo_readings" in numbers:
        return words.ECHO
    if "untreated_w" in numbers:
        return words.UNTREATED
    if "untold_count" in numbers:
        return words.UNTOLD
    return words.WIRED if "wiring" in numbers else words.TEMPLATES[rule]


def _list_mistakes(wiring: Mapping[str, str]) -> Words:
    """Each meter with what is wrong."""
    found = []
    for meter, mistake in wiring.items():
        parts = [words.MISTAKES.get(one, Words.same(one)) for one in mistake.split("+")]
        zh, en = "、".join(one.zh for one in parts), " and ".join(one.en for one in parts)
        found.append(Words(f"{meter}：{zh}", f"{meter}: {en}"))
    return Words("；".join(one.zh for one in found), "; ".join(one.en for one in found))


def _to_values(rule: Rule, numbers: Numbers, offset_s: int) -> dict[str, Any]:
    values = dict(numbers) | {"percent": int(100 * numbers["completeness"])}
    day = local_text(numbers["begin_at_s"], offset_s, DATE)
    for name, value in numbers.items():
        if name.endswith("_at_s") and value is not None:
            same_day = name != "begin_at_s" and local_text(value, offset_s, DATE) == day
            values[name[:-2]] = local_text(value, offset_s, TIME if same_day else f"{DATE} {TIME}")
        elif name.endswith("_s"):
            values[name[:-2] + "_min"] = round((value or 0) / 60)
        elif name.endswith("_w"):
            values[name[:-2] + "_kw"] = to_kw(value)
        elif name.startswith("noise"):
            values[f"{name}_percent"] = f"{100 * value:.2g}"
    is_off = rule in OFF_RULES or rule is Rule.WIRING
    for group in (COMPARED_OFF,) if is_off else COMPARED:
        values |= tell_apart({name: numbers[name] for name in group if numbers.get(name) is not None})
    normal_w, low_w = numbers.get("treatment_normal_w"), numbers.get("treatment_low_w")
    if normal_w and low_w is not None:
        values["share"] = min(round(100 * low_w / normal_w), 99)
    return values


def to_kw(watts: float, decimals: int | None = None) -> str:
    """Kilowatts with one decimal; below one kilowatt with two, so that a standby is not 0.0."""
    if decimals is None:
        decimals = 1 if abs(watts) >= 1000 or watts == 0 else 2
    return f"{watts / 1000:.{decimals}f}"


def tell_apart(powers: Mapping[str, float]) -> dict[str, str]:
    """All in kilowatts, with as many decimals as it takes to see which of them differ."""
    texts = {name: to_kw(watts) for name, watts in powers.items()}
    for decimals in range(1, DECIMALS_MAX + 1):
        for name, watts in powers.items():
            alike = [one for one in powers if float(texts[one]) == float(texts[name])]
            if any(powers[one] != watts for one in alike):
                texts |= {one: to_kw(powers[one], decimals) for one in alike}
    return {f"{name[:-2]}_kw": text for name, text in texts.items()}
