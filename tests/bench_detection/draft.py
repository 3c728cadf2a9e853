"""A pair that may be changed: what an injector writes on before it becomes a case.

`power` sets the power of a side as a deed would, and the other channels with it: the power factor is
what the caller sets, the current follows, the voltage stays. `freeze` is a meter that repeats
itself, `silence` one that does not answer.
"""

import numpy as np
from attrs import evolve
from numpy.typing import ArrayLike

from tests.bench_detection.cases import MISSING, Floats, Pair, Watts
from tests.bench_detection.loads import PHASES

PRODUCTION, TREATMENT = "production", "treatment"
_CHANNELS = ("pf", "current", "voltage")
_UNIT = {"pf": "", "current": "_a", "voltage": "_v"}


class Draft:
    """Copies of the arrays of a pair."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.watts: dict[str, Watts] = {
            PRODUCTION: pair.production_w.copy(),
            TREATMENT: pair.treatment_w.copy(),
        }
        self._channels: dict[str, Floats] = {}
        for side in self.watts:
            for channel in _CHANNELS:
                values = getattr(pair, _name(channel, side))
                if values is not None:
                    self._channels[_name(channel, side)] = values.copy()

    def power(self, side: str, where: slice, watts: ArrayLike, pf: ArrayLike | None = None) -> None:
        """The power of `side`; its power factor too unless that stays as it is."""
        powers = np.rint(np.maximum(watts, 0)).astype(np.int64)
        self.watts[side][where] = powers
        own = self._channels.get(_name("pf", side))
        if own is not None and pf is not None:
            own[where] = pf
        amps = self._channels.get(_name("current", side))
        volts = self._channels.get(_name("voltage", side))
        if amps is not None and volts is not None:
            factor = own[where] if own is not None else pf if pf is not None else 0.85
            amps[where] = powers / (PHASES * volts[where] * np.maximum(factor, 0.01))

    def voltage(self, side: str) -> Floats | None:
        """Volts by slot, where the meter shows them."""
        return self._channels.get(_name("voltage", side))

    def freeze(self, side: str, where: slice) -> None:
        """All registers keep the value of the first slot."""
        self.watts[side][where] = self.watts[side][where.start]
        for values in self._of(side):
            values[where] = values[where.start]

    def replay(self, side: str, where: slice, first: int) -> None:
        """All registers show again what they showed from slot `first` on."""
        again = slice(first, first + where.stop - where.start)
        self.watts[side][where] = self.watts[side][again].copy()
        for values in self._of(side):
            values[where] = values[again].copy()

    def silence(self, side: str, where: slice | np.ndarray) -> None:
        """No answer."""
        self.watts[side][where] = MISSING
        for values in self._of(side):
            values[where] = np.nan

    def _of(self, side: str) -> list[Floats]:
        names = {_name(channel, side) for channel in _CHANNELS}
        return [values for name, values in self._channels.items() if name in names]

    def pair(self) -> Pair:
        """What the meters show."""
        return evolve(
            self._pair,
            production_w=self.watts[PRODUCTION],
            treatment_w=self.watts[TREATMENT],
            **self._channels,
        )


def _name(channel: str, side: str) -> str:
    return f"{channel}_{side}{_UNIT[channel]}"
