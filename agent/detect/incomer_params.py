"""Parameters of a site's incomer: the band of its residual, incomer minus all metered lines behind it.

The residual is what nobody meters: light, air conditioning, losses, meters read at different moments.
Commissioning learns the band in which it normally is. Above the band a load runs unmetered or a line's CT
shows too little; below it the lines show more than the incomer delivers. 0 for `residual_s` judges nothing.
"""

from collections.abc import Collection, Mapping
from typing import ClassVar, Final

from attrs import field, frozen

from agent.detect.line_params import LineParams, nameplate_line
from agent.detect.param_table import ParamsError, ParamTable, hash_table

OUT_OF_BAND_S: Final = 900
"""A residual outside its band for a quarter of an hour is no motor start and no late sample."""


@frozen(kw_only=True)
class IncomerParams(ParamTable):
    """The incomer and the lines behind it.

    Attributes:
        incomer: The metered incomer itself.
        lines: The ids of all metered lines behind it.
        others: Those of them that no linkage has.
        lo_w: Least normal residual.
        hi_w: Greatest normal residual.
        residual_s: Time outside the band that is reported; 0 is not judged.
        utc_offset_s: Zone of the times in sentences.
        learned_from_s: Begin of the commissioning data, UTC; 0 if there were none.
        learned_to_s: Their end.
    """

    kind: ClassVar[str] = "incomer"

    incomer: LineParams
    lines: tuple[str, ...]
    others: tuple[LineParams, ...] = ()
    lo_w: int = 0
    hi_w: int = 0
    residual_s: int = field(default=0)
    utc_offset_s: int = 28_800
    learned_from_s: int = 0
    learned_to_s: int = 0

    @property
    def hash(self) -> bytes:
        """As in version 0.1, which called the incomer feed: the same parameters keep their hash."""
        table = self.to_dict()
        return hash_table({"feed": table.pop("incomer"), **table})

    def __attrs_post_init__(self) -> None:
        checks = (
            (bool(self.lines), "no line stands behind it"),
            (len(set(self.lines)) == len(self.lines), "a line is named twice"),
            (self.incomer.id not in self.lines, "it cannot stand behind itself"),
            ({one.id for one in self.others} <= set(self.lines), "others are not among its lines"),
            (self.lo_w <= self.hi_w, f"lo_w <= hi_w does not hold ({self.lo_w}, {self.hi_w})"),
            (self.residual_s >= 0, "residual_s is negative"),
        )
        problems = tuple(f"incomer {self.incomer.id}: {text}" for holds, text in checks if not holds)
        if problems:
            raise ParamsError(problems)


def nameplate_incomer(
    incomer: tuple[str, float], behind: Mapping[str, float], judged: Collection[str], utc_offset_s: int
) -> IncomerParams:
    """From names and rated powers alone, judging nothing; `judged` are the lines of linkages."""
    return IncomerParams(
        incomer=nameplate_line(*incomer),
        lines=tuple(behind),
        others=tuple(nameplate_line(name, rated) for name, rated in behind.items() if name not in judged),
        utc_offset_s=utc_offset_s,
    )
