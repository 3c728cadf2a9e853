"""One meter that is being judged: what was measured, what is expected, and the wording of the verdict."""

from collections.abc import Sequence
from typing import Any, Final

from attrs import field, frozen

from evidence.words import Words
from provisioning.wiring import words
from provisioning.wiring.answers import Diagnosis, Expected, Mistake, Verdict
from provisioning.wiring.hypotheses import Explanation
from provisioning.wiring.measured import Channel, Measured
from provisioning.wiring.phrases import phrase

W_PER_KW = 1000.0
_NOTHING: Final = Words.same("")
_AND: Final = Words("，且", ", and ")
_OR: Final = Words("，或者", ", or ")
_THEN: Final = Words("；", "; ")
_ALIKE: Final = Words("；两者读数相同", "; both look the same")
_POSSIBLY: Final = Words("可能{clause}", "possibly {clause}")


@frozen
class Case:
    """One meter: its reads, the expected values, and the numbers it is judged by; each step adds its own."""

    measured: Measured
    expected: Expected
    numbers: dict[str, float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "numbers", dict(self.measured.numbers))

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Its channels."""
        return self.measured.channels

    def name_mistake(self, mistake: Mistake, places: Sequence[int], shown: str) -> Diagnosis:
        """The diagnosis of a mistake."""
        clause = words.put_beside(words.describe(mistake, places), shown)
        return self.judge("mistake", (clause, words.find_remedy(mistake, places)), mistake, places)

    def explain(self, one: Explanation, rival: Explanation | None = None) -> Diagnosis:
        """The diagnosis from the angles: one explanation, or two that look the same.

        Two mistakes at once are named as a suspicion only: unbalanced loads explain too much.
        """
        verdict: Verdict = "mistake" if len(one.hypothesis.names) == 1 else "undecided"
        names, places = "+".join(one.hypothesis.names), one.hypothesis.phases
        clause = words.put_beside(_clause(one), self.show_watts())
        if rival is None:
            remedy = words.join([words.find_remedy(*part) for part in one.hypothesis.parts], _THEN)
            if names == Mistake.CTS_ROTATED_BACK and all(channel.cosine > 0 for channel in self.channels):
                also, first = words.OR_CAPACITOR
                clause, remedy = words.join([clause, also], _NOTHING), words.join([first, remedy], _NOTHING)
        else:
            either = words.join([_clause(one), _clause(rival)], _OR)
            clause = words.join([words.put_beside(either, self.show_watts()), _ALIKE], _NOTHING)
            remedy = words.find_distinction(frozenset((*one.hypothesis.names, *rival.hypothesis.names)))
        if verdict == "undecided":
            clause = _POSSIBLY.fill(clause=clause)
        return self.judge(verdict, (clause, remedy), names, places)

    def doubt(
        self, name: str, suspect: Mistake | None = None, places: Sequence[int] = (), **facts: Any
    ) -> Diagnosis:
        """An undecided diagnosis; `name` is a key of provisioning.wiring.phrases."""
        known = {"phases": words.name_phases(places), "shown": self.show_watts()}
        return self.judge("undecided", phrase(name, **(known | facts)), suspect, places)

    def accept(self) -> Diagnosis:
        """The diagnosis of correct wiring."""
        return self.judge("good", phrase("good", shown=self.show_watts()))

    def judge(
        self,
        verdict: Verdict,
        clauses: tuple[Words, Words],
        mistake: str | None = None,
        places: Sequence[int] = (),
        ratio: float | None = None,
    ) -> Diagnosis:
        """The diagnosis, from a clause about the fault and one about the remedy."""
        return Diagnosis(
            verdict=verdict,
            mistake=None if mistake is None else str(mistake),
            phases=tuple(self.channels[place].phase for place in places),
            ratio=ratio,
            sentence=words.to_sentence(clauses[0]),
            remedy=words.to_sentence(clauses[1]),
            numbers=self.numbers,
        )

    def show_watts(self, places: Sequence[int] | None = None) -> str:
        """The powers of some channels, or of all with the reactive power."""
        chosen = range(len(self.channels)) if places is None else places
        shown = [f"{self.channels[i].phase.upper()} {_kw(self.channels[i].watts)}" for i in chosen]
        if places is None and self.measured.var is not None:
            shown.append(f"Q {self.measured.var / W_PER_KW:.2f} kvar")
        return ", ".join(shown)

    def show_against_clamp(self, places: Sequence[int]) -> str:
        """Currents of the meter and of the clamp meter."""
        return ", ".join(
            f"{one.phase.upper()} {one.amps:.1f} A / {self.expected.clamp_a[one.phase]:.1f} A"
            for one in (self.channels[place] for place in places)
        )


def _kw(watts: float | None) -> str:
    return "?" if watts is None else f"{watts / W_PER_KW:.2f} kW"


def _clause(one: Explanation) -> Words:
    return words.join([words.describe(*part) for part in one.hypothesis.parts], _AND)
