"""Follows the output of the subscriber, line by line, while it is written."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from attrs import define, field


@define
class Verified:
    """Everything that the subscriber has verified so far.

    Attributes:
        path: The file that the subscriber appends to.
        readings: How many readings.
        seal: The highest seal that a line came from.
        records: How often each record number was printed.
        episodes: Episode lines, in order.
        findings: Finding lines, in order.
        silent: The last reason of each meter whose latest reading is not good.
    """

    path: Path
    readings: int = field(default=0, init=False)
    seal: int = field(default=0, init=False)
    records: Counter[int] = field(factory=Counter, init=False)
    episodes: list[dict[str, Any]] = field(factory=list, init=False)
    findings: list[dict[str, Any]] = field(factory=list, init=False)
    silent: dict[str, str] = field(factory=dict, init=False)
    _offset: int = field(default=0, init=False)

    def read(self) -> None:
        """Read the lines that were written since the last call."""
        with self.path.open("rb") as stream:
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._take(json.loads(line))

    def _take(self, line: dict[str, Any]) -> None:
        if "record" in line:
            self.records[line["record"]] += 1
            self.seal = max(self.seal, line["seal"])
        if line["type"] == "reading":
            self.readings += 1
            if line["quality"] == "good":
                self.silent.pop(line["meter"], None)
            else:
                self.silent[line["meter"]] = line["reason"]
        elif line["type"] == "episode":
            self.episodes.append(line)
        elif line["type"] == "finding":
            self.findings.append(line)
