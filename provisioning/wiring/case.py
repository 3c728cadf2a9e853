"""One meter that is being judged: what was measured, what is expected, and how a judgement is put."""

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from provisioning.wiring import words
from provisioning.wiring.answers import Diagnosis, Expected, Mistake, Verdict
from provisioning.wiring.hypotheses import Explanation
from provisioning.wiring.measured import Channel, Measured
from provisioning.wiring.phrases import phrase
from provisioning.wiring.words import Pair

W_PER_KW = 1000.0


@frozen
class Case:
    """One meter.

    Attributes:
        measured: What it says.
        expected: What is known of it.
        numbers: By which it is judged; the steps add theirs.
    """

    measured: Measured
    expected: Expected
    numbers: dict[str, float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "numbers", dict(self.measured.numbers))

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Its channels."""
        return self.measured.channels

    def mistake(self, mistake: Mistake, places: Sequence[int], shown: str) -> Diagnosis:
        """A mistake by its name."""
        clause = words.beside(words.is_wrong(mistake, places), shown)
        return self.said("mistake", (clause, words.what_to_do(mistake, places)), mistake, places)

    def explained(self, one: Explanation, rival: Explanation | None = None) -> Diagnosis:
        """What the angles say: one explanation, or two that look the same.

        Two mistakes at once are named as a suspicion only: unbalanced loads explain too much.
        """
        verdict: Verdict = "mistake" if len(one.hypothesis.names) == 1 else "undecided"
        names, places = "+".join(one.hypothesis.names), one.hypothesis.phases
        clause = words.beside(_clause(one), self.shown_watts())
        if rival is None:
            todo = words.joined([words.what_to_do(*part) for part in one.hypothesis.parts], "；", "; ")
            if names == Mistake.CTS_ROTATED_BACK and all(channel.cosine > 0 for channel in self.channels):
                also, first = words.OR_CAPACITOR
                clause, todo = words.joined([clause, also], "", ""), words.joined([first, todo], "", "")
        else:
            clause = words.joined([_clause(one), _clause(rival)], "，或者", ", or ")
            clause = words.beside(clause, self.shown_watts())
            clause = clause[0] + "；两者读数相同", clause[1] + "; both look the same"
            todo = words.telling(frozenset((*one.hypothesis.names, *rival.hypothesis.names)))
        if verdict == "undecided":
            clause = f"可能{clause[0]}", f"it seems that {clause[1]}"
        return self.said(verdict, (clause, todo), names, places)

    def doubt(
        self, name: str, suspect: Mistake | None = None, places: Sequence[int] = (), **facts: Any
    ) -> Diagnosis:
        """Nothing is sure; what is said has a name in provisioning.wiring.phrases."""
        called = words.places(places)
        known = {"zh": called["zh"], "en": called["en"], "shown": self.shown_watts()}
        both = phrase(name, **(known | facts))
        return self.said("undecided", both, suspect, places)

    def good(self) -> Diagnosis:
        """Wired right."""
        return self.said("good", phrase("good", shown=self.shown_watts()))

    def said(
        self,
        verdict: Verdict,
        both: tuple[Pair, Pair],
        mistake: str | None = None,
        places: Sequence[int] = (),
        ratio: float | None = None,
    ) -> Diagnosis:
        """The judgement with its sentence and its remedy."""
        return Diagnosis(
            verdict=verdict,
            mistake=None if mistake is None else str(mistake),
            phases=tuple(self.channels[place].phase for place in places),
            ratio=ratio,
            sentence=words.sentence(both[0]),
            remedy=words.sentence(both[1]),
            numbers=self.numbers,
        )

    def shown_watts(self, places: Sequence[int] | None = None) -> str:
        """The powers of some channels, or of all with the reactive power."""
        chosen = range(len(self.channels)) if places is None else places
        shown = [f"{self.channels[i].phase.upper()} {_kw(self.channels[i].watts)}" for i in chosen]
        if places is None and self.measured.var is not None:
            shown.append(f"Q {self.measured.var / W_PER_KW:.2f} kvar")
        return ", ".join(shown)

    def against_clamp(self, places: Sequence[int]) -> str:
        """Currents of the meter and of the clamp meter."""
        return ", ".join(
            f"{one.phase.upper()} {one.amps:.1f} A / {self.expected.clamp_a[one.phase]:.1f} A"
            for one in (self.channels[place] for place in places)
        )


def _kw(watts: float | None) -> str:
    return "?" if watts is None else f"{watts / W_PER_KW:.2f} kW"


def _clause(one: Explanation) -> Pair:
    return words.joined([words.is_wrong(*part) for part in one.hypothesis.parts], "，且", ", and ")
