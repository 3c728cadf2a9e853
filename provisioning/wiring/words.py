"""The texts of each mistake: one clause for the fault, one for the remedy.

Phases are called L1, L2, L3, the terminals of a transformer S1 and S2, as on the parts themselves.
`provisioning.wiring.phrases` has those for when no mistake can be named.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from evidence.words import Words
from provisioning.wiring.answers import PHASES, Mistake

_WRONG: Final[Mapping[Mistake, Words]] = {
    Mistake.CT_REVERSED: Words("{phases}电流互感器方向接反", "current transformer reversed on {phases}"),
    Mistake.CTS_SWAPPED: Words(
        "{phases}的电流互感器相互接错", "the current transformers of {phases} are exchanged"
    ),
    Mistake.CTS_ROTATED: Words(
        "三相电流顺移一位（L1测到L2的电流，L2测到L3，L3测到L1）",
        "the current transformers are shifted by one place (L1 sees L2, L2 sees L3, L3 sees L1)",
    ),
    Mistake.CTS_ROTATED_BACK: Words(
        "三相电流逆移一位（L1测到L3的电流，L2测到L1，L3测到L2）",
        "the current transformers are shifted back by one place (L1 sees L3, L2 sees L1, L3 sees L2)",
    ),
    Mistake.VOLTAGE_LOST: Words("{phases}电压线断开", "voltage lead off on {phases}"),
    Mistake.CT_OPEN: Words(
        "{phases}电流互感器未接、开路或短接", "current transformer off, open or shorted on {phases}"
    ),
    Mistake.SAME_PHASE: Words(
        "三个通道测的都是{phases}的电流", "all three channels see the current of {phases}"
    ),
    Mistake.WRONG_RATIO: Words(
        "{phases}互感器变比不对：电流读数是实际的{near:g}倍（表计/钳形表：{against}）",
        "the transformer ratio on {phases} is wrong: currents read {near:g} times what flows (meter / "
        "clamp: {against})",
    ),
    Mistake.OTHER_CABLE: Words(
        "{phases}的互感器套在别的电缆上", "current transformer on another cable: {phases}"
    ),
}
_REMEDY: Final[Mapping[Mistake, Words]] = {
    Mistake.CT_REVERSED: Words(
        "对调{phases}互感器的S1和S2，然后重新检查",
        "swap S1 and S2 of the transformer on {phases}, then check again",
    ),
    Mistake.CTS_SWAPPED: Words(
        "对调{phases}两组互感器的二次线（若实为电压线接错，则对调电压线），然后重新检查",
        "exchange the secondary leads of {phases} (or their voltage leads, if those are exchanged), then "
        "check again",
    ),
    Mistake.CTS_ROTATED: Words(
        "移回互感器二次线：现接L1的改接L2，现接L2的改接L3，现接L3的改接L1，然后重新检查",
        "move the secondary leads: from L1 to L2, from L2 to L3, from L3 to L1, then check again",
    ),
    Mistake.CTS_ROTATED_BACK: Words(
        "移回互感器二次线：现接L1的改接L3，现接L2的改接L1，现接L3的改接L2，然后重新检查",
        "move the secondary leads: from L1 to L3, from L2 to L1, from L3 to L2, then check again",
    ),
    Mistake.VOLTAGE_LOST: Words(
        "检查{phases}的电压线、端子和熔断器，然后重新检查",
        "check lead, terminal and fuse of the voltage of {phases}, then check again",
    ),
    Mistake.CT_OPEN: Words(
        "先停电，再检查{phases}互感器是否套好、二次线是否接牢、短接片是否取下（二次侧带电不得开路）",
        "switch off first, then check on {phases} that the transformer is closed around the cable, the "
        "leads are tight and no shorting link is left (never open a secondary under current)",
    ),
    Mistake.SAME_PHASE: Words(
        "把{others}的互感器移到各自的电缆上，然后重新检查",
        "put the transformers of {others} around their own cables, then check again",
    ),
    Mistake.WRONG_RATIO: Words(
        "把变比ct_ratio由{now}改为{right}（核对{phases}互感器铭牌）",
        "set ct_ratio to {right} in place of {now} (see the plate of the transformer on {phases})",
    ),
    Mistake.OTHER_CABLE: Words(
        "沿{phases}互感器查找其所套电缆，移到本线路的电缆上",
        "trace the transformer of {phases} and move it to the cable of this line",
    ),
}
IN_METER: Final[Words] = Words(
    "把电表内设置的变比改为现值的{times:g}倍（核对{phases}互感器铭牌）",
    "set the ratio in the meter to {times:g} times what it is (see the plate of the transformer on {phases})",
)
"""The remedy where the ratio is set in the meter itself, so that it is not known here."""
ONE_UNLIKE: Final[Words] = Words(
    "{phases}互感器与其他相不同，换成相同变比的互感器",
    "the transformer on {phases} is unlike those of the other phases: fit the same ratio",
)
"""The remedy where the ratio is wrong on some phases only."""
_ARROWS: Final[Words] = Words(
    "先看互感器上的箭头（P1朝电源）：方向不对即为接反；方向都对则为错位；也可只开接在L1上的单相负载，"
    "看哪个通道有电流",
    "look at the arrows of the transformers first (P1 to the supply): wrong arrows mean reversed, right "
    "ones shifted; or switch on a load on L1 alone and see which channel shows its current",
)
OR_CAPACITOR: Final[tuple[Words, Words]] = (
    Words(
        "；若表后有补偿电容且负载很小，读数也会如此",
        "; a capacitor bank with hardly any load would look the same",
    ),
    Words("先切除补偿电容（若有）再确认；", "first switch off any capacitor bank and look again; "),
)
"""Beside transformers that are shifted back, where the power of all phases is positive."""
_ONE_PHASE: Final[Words] = Words(
    "只开接在一相上的单相负载：三个通道电流一起变化即为同一相，只有一个通道变化则为接错",
    "switch on a load on one phase alone: if all three currents rise they see one phase, if one rises "
    "the transformers are exchanged",
)
_TELLING: Final[Mapping[frozenset[Mistake], Words]] = {
    frozenset({Mistake.CT_REVERSED, Mistake.CTS_ROTATED}): _ARROWS,
    frozenset({Mistake.CT_REVERSED, Mistake.CTS_ROTATED_BACK}): _ARROWS,
    frozenset({Mistake.CTS_SWAPPED, Mistake.SAME_PHASE}): _ONE_PHASE,
}
GO_BY_PHASE: Final[Words] = Words(
    "逐相核对：只开接在L1上的单相负载（或用钳形表逐相比对），看是哪个通道在变、功率是正是负",
    "go phase by phase: switch on a load on L1 alone (or compare with a clamp meter) and see which "
    "channel follows and with which sign",
)


def name_phases(phases: Sequence[int]) -> Words:
    """The names of phases, by their places."""
    names = [PHASES[place].upper() for place in phases]
    return Words("、".join(names) + "相", " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:]))))


def describe(mistake: Mistake, phases: Sequence[int], **facts: object) -> Words:
    """What is wrong, as a clause."""
    return fill_phases(_WRONG[mistake], phases, **facts)


def find_remedy(mistake: Mistake, phases: Sequence[int], **facts: object) -> Words:
    """What to do about it, as a clause."""
    return fill_phases(_REMEDY[mistake], phases, **facts)


def find_distinction(mistakes: frozenset[Mistake]) -> Words:
    """How to tell mistakes apart that look alike."""
    return _TELLING.get(mistakes, GO_BY_PHASE)


def fill_phases(words: Words, phases: Sequence[int], **facts: object) -> Words:
    """A clause with its phases, the others, and facts."""
    others = [place for place in range(len(PHASES)) if place not in phases]
    return words.fill(phases=name_phases(phases), others=name_phases(others), **facts)


def join(clauses: Sequence[Words], between: Words) -> Words:
    """Clauses with a word between them."""
    return Words(between.zh.join(one.zh for one in clauses), between.en.join(one.en for one in clauses))


def put_beside(words: Words, shown: str) -> Words:
    """A clause and numbers in brackets."""
    return Words(f"{words.zh}（{shown}）", f"{words.en} ({shown})")


def to_sentence(words: Words) -> Words:
    """A clause as a sentence."""
    return Words(f"{words.zh}。", f"{words.en[0].upper()}{words.en[1:]}.")
