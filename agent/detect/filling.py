"""Treatment that rests until production has filled something: a sump, a bin of dust, a filter that is shaken.

Such a rest ends by how much was produced in it. It is long at low load, and longer still over a break, in
which nothing flows in. So treatment counts as running until more than `duty_fill_wh` was produced since it
ran, however long that takes. While production is off that is nobody's question, and time alone counts. When
watching begins, nobody knows how full it is: nothing is sure until it ran, or as much was produced.
"""

from typing import Any, Final

from agent.detect.params import LinkageParams

HOUR_S: Final = 3600


class Filling:
    """What was produced since treatment last ran; `hold` is called once for every slot.

    Attributes:
        filled: Sum of production over the slots since, W.
        held: T of the duty window when it last ran, W; 0 where it was not seen to run.
    """

    __slots__ = ("_limit", "_t_lo", "filled", "held")

    def __init__(self, params: LinkageParams) -> None:
        self._limit = params.duty_fill_wh * HOUR_S // params.dt_s
        self._t_lo = params.on_treatment.lo_w
        self.filled = self.held = 0

    @property
    def is_sure(self) -> bool:
        """Whether treatment was seen to run, or so much was produced that it should have."""
        return self.held > 0 or self.filled >= self._limit

    def hold(self, t: int, highest: int, u: int, *, on: bool, known: bool) -> int:
        """T of this slot.

        Args:
            t: Treatment now, W.
            highest: Its highest power in the duty window, W.
            u: Production, W.
            on: Whether production runs.
            known: Whether `t` is known; else it may have run.
        """
        if t >= self._t_lo:
            self.held = highest
        if t >= self._t_lo or not known:
            self.filled = 0
            return highest
        if not on or self.filled >= self._limit:
            return highest
        self.filled += u
        return max(highest, self.held)

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        return [self.filled, self.held]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`."""
        self.filled, self.held = state
