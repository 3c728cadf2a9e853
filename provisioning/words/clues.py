"""The stages of a clue, as the bureau names them."""

from collections.abc import Mapping
from typing import Final

from evidence.clues.step import Stage
from evidence.words import Words

STAGES: Final[Mapping[Stage, Words]] = {
    Stage.SCREENING: Words("线索排查", "screening"),
    Stage.VERIFYING: Words("问题核实", "verifying"),
    Stage.DISPOSING: Words("调查处置", "disposing"),
    Stage.RECTIFYING: Words("整改反馈", "rectifying"),
    Stage.IMPROVING: Words("规范提升", "improving"),
}
