"""The words of each mistake: one clause of what is wrong, one of what to do, in two languages.

Phases are called L1, L2, L3, the terminals of a transformer S1 and S2, as on the parts themselves.
`provisioning.wiring.phrases` has what is said where no mistake can be named.
"""

from collections.abc import Sequence
from typing import Final

from provisioning.wiring.answers import PHASES, Mistake

Pair = tuple[str, str]
"""Chinese and English."""

_WRONG: Final[dict[Mistake, Pair]] = {
    Mistake.CT_REVERSED: (
        "{zh}电流互感器方向接反",
        "the current {transformers} of {en} {are} the wrong way round",
    ),
    Mistake.CTS_SWAPPED: ("{zh}的电流互感器相互接错", "the current transformers of {en} are exchanged"),
    Mistake.CTS_ROTATED: (
        "三相电流顺移一位（L1测到L2的电流，L2测到L3，L3测到L1）",
        "the current transformers are shifted by one place (L1 sees L2, L2 sees L3, L3 sees L1)",
    ),
    Mistake.CTS_ROTATED_BACK: (
        "三相电流逆移一位（L1测到L3的电流，L2测到L1，L3测到L2）",
        "the current transformers are shifted back by one place (L1 sees L3, L2 sees L1, L3 sees L2)",
    ),
    Mistake.VOLTAGE_LOST: ("{zh}电压线断开", "the voltage {leads} of {en} {are} off"),
    Mistake.CT_OPEN: (
        "{zh}电流互感器未接、开路或短接",
        "the current {transformers} of {en} {are} off, open or shorted",
    ),
    Mistake.SAME_PHASE: ("三个通道测的都是{zh}的电流", "all three channels see the current of {en}"),
    Mistake.WRONG_RATIO: (
        "{zh}互感器变比不对：电流读数是实际的{near:g}倍（表计/钳形表：{against}）",
        (
            "the transformer ratio of {en} is wrong: currents read {near:g} times what flows "
            "(meter / clamp: {against})"
        ),
    ),
    Mistake.OTHER_CABLE: (
        "{zh}的互感器套在别的电缆上",
        "the {transformers} of {en} {are} on another cable",
    ),
}
_REMEDY: Final[dict[Mistake, Pair]] = {
    Mistake.CT_REVERSED: (
        "对调{zh}互感器的S1和S2，然后重新检查",
        "swap S1 and S2 of the {transformers} of {en}, then check again",
    ),
    Mistake.CTS_SWAPPED: (
        "对调{zh}两组互感器的二次线（若实为电压线接错，则对调电压线），然后重新检查",
        (
            "exchange the secondary leads of {en} (or their voltage leads, if those are "
            "exchanged), then check "
            "again"
        ),
    ),
    Mistake.CTS_ROTATED: (
        "移回互感器二次线：现接L1的改接L2，现接L2的改接L3，现接L3的改接L1，然后重新检查",
        "move the secondary leads: from L1 to L2, from L2 to L3, from L3 to L1, then check again",
    ),
    Mistake.CTS_ROTATED_BACK: (
        "移回互感器二次线：现接L1的改接L3，现接L2的改接L1，现接L3的改接L2，然后重新检查",
        "move the secondary leads: from L1 to L3, from L2 to L1, from L3 to L2, then check again",
    ),
    Mistake.VOLTAGE_LOST: (
        "检查{zh}的电压线、端子和熔断器，然后重新检查",
        "check lead, terminal and fuse of the voltage of {en}, then check again",
    ),
    Mistake.CT_OPEN: (
        "先停电，再检查{zh}互感器是否套好、二次线是否接牢、短接片是否取下（二次侧带电不得开路）",
        (
            "switch off first, then see that the {transformers} of {en} {are} closed around the "
            "cable, the leads "
            "tight and no shorting link left (never open a secondary under current)"
        ),
    ),
    Mistake.SAME_PHASE: (
        "把{other_zh}的互感器移到各自的电缆上，然后重新检查",
        "put the transformers of {other_en} around their own cables, then check again",
    ),
    Mistake.WRONG_RATIO: (
        "把变比ct_ratio由{now}改为{right}（核对{zh}互感器铭牌）",
        "set ct_ratio to {right} in place of {now} (see the plate of the {transformers} of {en})",
    ),
    Mistake.OTHER_CABLE: (
        "沿{zh}互感器查找其所套电缆，移到本线路的电缆上",
        "follow the {transformers} of {en} and move {it} to the cable of this line",
    ),
}
IN_METER: Final[Pair] = (
    "把电表内设置的变比改为现值的{times:g}倍（核对{zh}互感器铭牌）",
    "set the ratio in the meter to {times:g} times what it is (see the plate of the {transformers} of {en})",
)
"""The remedy where the ratio is set in the meter itself, so nobody here knows it."""
ONE_UNLIKE: Final[Pair] = (
    "{zh}互感器与其他相不同，换成相同变比的互感器",
    "the {transformers} of {en} {are} unlike those of the other phases: fit the same ratio",
)
"""The remedy where the ratio is wrong on some phases only."""
_ARROWS: Final[Pair] = (
    "先看互感器上的箭头（P1朝电源）：方向不对即为接反；方向都对则为错位；也可只开接在L1上的单相负载，看哪个通道有电流",
    (
        "look at the arrows of the transformers first (P1 to the supply): wrong arrows mean "
        "reversed, right ones "
        "shifted; or switch on a load on L1 alone and see which channel shows its current"
    ),
)
OR_CAPACITOR: Final[tuple[Pair, Pair]] = (
    (
        "；若表后有补偿电容且负载很小，读数也会如此",
        "; a capacitor bank with hardly any load would look the same",
    ),
    ("先切除补偿电容（若有）再确认；", "first switch off any capacitor bank and look again; "),
)
"""Beside transformers that are shifted back, where the power of all phases is positive."""
_ONE_PHASE: Final[Pair] = (
    "只开接在一相上的单相负载：三个通道电流一起变化即为同一相，只有一个通道变化则为接错",
    (
        "switch on a load on one phase alone: if all three currents rise they see one phase, "
        "if one rises the transformers are exchanged"
    ),
)
_TELLING: Final = {
    frozenset({Mistake.CT_REVERSED, Mistake.CTS_ROTATED}): _ARROWS,
    frozenset({Mistake.CT_REVERSED, Mistake.CTS_ROTATED_BACK}): _ARROWS,
    frozenset({Mistake.CTS_SWAPPED, Mistake.SAME_PHASE}): _ONE_PHASE,
}
GO_BY_PHASE: Final[Pair] = (
    "逐相核对：只开接在L1上的单相负载（或用钳形表逐相比对），看是哪个通道在变、功率是正是负",
    (
        "go phase by phase: switch on a load on L1 alone (or compare with a clamp meter) and "
        "see which channel "
        "follows and with which sign"
    ),
)


def places(phases: Sequence[int]) -> dict[str, str]:
    """The words for some phases, in both languages and numbers."""
    names = [PHASES[place].upper() for place in phases]
    several = len(names) > 1
    return {
        "zh": "、".join(names) + "相",
        "en": f"{', '.join(names[:-1])} and {names[-1]}" if several else "".join(names),
        "transformers": "transformers" if several else "transformer",
        "leads": "leads" if several else "lead",
        "are": "are" if several else "is",
        "it": "them" if several else "it",
    }


def is_wrong(mistake: Mistake, phases: Sequence[int], **facts: object) -> Pair:
    """What is wrong, as a clause."""
    return filled(_WRONG[mistake], phases, **facts)


def what_to_do(mistake: Mistake, phases: Sequence[int], **facts: object) -> Pair:
    """What to do about it, as a clause."""
    other = places([place for place in range(len(PHASES)) if place not in phases])
    return filled(_REMEDY[mistake], phases, other_zh=other["zh"], other_en=other["en"], **facts)


def telling(mistakes: frozenset[Mistake]) -> Pair:
    """How to tell mistakes apart that look alike."""
    return _TELLING.get(mistakes, GO_BY_PHASE)


def filled(words: Pair, phases: Sequence[int], **facts: object) -> Pair:
    """A clause with its phases and facts."""
    known = places(phases)
    return words[0].format(**known, **facts), words[1].format(**known, **facts)


def joined(clauses: Sequence[Pair], zh: str, en: str) -> Pair:
    """Clauses with a word between them."""
    return zh.join(one[0] for one in clauses), en.join(one[1] for one in clauses)


def beside(words: Pair, shown: str) -> Pair:
    """A clause and numbers in brackets."""
    return f"{words[0]}（{shown}）", f"{words[1]} ({shown})"


def sentence(words: Pair) -> dict[str, str]:
    """A clause as it is kept: `{"zh": …, "en": …}`."""
    return {"zh": f"{words[0]}。", "en": f"{words[1][0].upper()}{words[1][1:]}."}
