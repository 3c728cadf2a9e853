"""What a run has measured so far, written after every figure, so that a run that was ended can go on.

.bench/run.json:
    {"facts": {...}, "versions": {subject: text}, "absent": {subject: why},
     "results": {row: {subject: [number, ...]}}, "texts": {"parts/...": what it said},
     "done": ["second/ours/0", ...], "failed": {"second/ours/0": why}}
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, define, field


@define
class Journal:
    """See the module's specification."""

    path: Path
    facts: dict[str, str] = field(factory=dict)
    versions: dict[str, str] = field(factory=dict)
    absent: dict[str, str] = field(factory=dict)
    results: dict[str, dict[str, list[float]]] = field(factory=dict)
    texts: dict[str, str] = field(factory=dict)
    done: list[str] = field(factory=list)
    failed: dict[str, str] = field(factory=dict)

    def took(self, step: str, figures: Mapping[str, Mapping[str, float]] | str) -> None:
        """A step is done, with the figures of its subjects by row, or with what it said."""
        if isinstance(figures, str):
            self.texts[step] = figures
            figures = {}
        for subject, numbers in figures.items():
            for row, number in numbers.items():
                self.results.setdefault(row, {}).setdefault(subject, []).append(number)
        self.failed.pop(step, None)
        self.done.append(step)
        self.save()

    def fails(self, step: str, why: str) -> None:
        """A step failed; the run goes on."""
        self.failed[step] = why
        self.save()

    def save(self) -> None:
        """Write it anew, whole."""
        draft = self.path.with_suffix(".draft")
        draft.write_text(
            json.dumps(asdict(self, filter=lambda name, _: name.name != "path"), indent=1), "utf-8"
        )
        draft.replace(self.path)


def load(path: Path) -> Journal:
    """The journal of an earlier run, or a new one where there is none that can be read."""
    try:
        report: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return Journal(path, **report)
    except (OSError, ValueError, TypeError):
        return Journal(path)
