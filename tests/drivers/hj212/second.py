"""The second codec, in JavaScript: `tests/js/hj212`, made from a description without a look at ours."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from drivers.hj212.packet import Flag, Packet, read_group, write_group

JS: Final = Path(__file__).parents[2] / "js" / "hj212"
END_S: Final = 120


class Lines:
    """A process of node that takes and gives lines of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.put, self.got = process.stdin, process.stdout

    def tell(self, line: dict[str, Any]) -> None:
        self.put.write(json.dumps(line) + "\n")
        self.put.flush()

    def hear(self) -> Any:
        line = self.got.readline()
        assert line, "node has ended"
        return json.loads(line)

    def ask(self, do: str, **more: Any) -> Any:
        self.tell({"do": do, **more})
        return self.hear()


@contextmanager
def node(script: str) -> Iterator[Lines]:
    """A script of tests/js/hj212 as a process; it ends with its input."""
    found = shutil.which("node", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        pytest.fail("node is missing: make test installs it")
    process = subprocess.Popen(
        [found, str(JS / script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Lines(process)
    finally:
        process.communicate(timeout=END_S)


def to_js(packet: Packet) -> dict[str, Any]:
    """A packet of ours as the second codec has it."""
    fields = {"QN": packet.qn, "ST": packet.st, "CN": packet.cn, "PW": packet.pw, "MN": packet.mn}
    fields["Flag"] = "" if packet.flag is None else str(packet.flag.number)
    fields["PNUM"], fields["PNO"] = (str(one or "") for one in (packet.pnum, packet.pno))
    fields["RF"] = "1" * packet.is_backfill
    groups = [read_group(text) for text in packet.region.split(";")] if packet.region else []
    return {name: value for name, value in fields.items() if value} | {"groups": groups}


def from_js(told: dict[str, Any]) -> Packet:
    """A packet of the second codec as ours has it."""
    pnum, pno = (int(told[name]) if name in told else None for name in ("PNUM", "PNO"))
    return Packet(
        cn=told["CN"],
        st=told["ST"],
        mn=told["MN"],
        pw=told["PW"],
        qn=told.get("QN", ""),
        flag=Flag.from_number(int(told["Flag"])) if "Flag" in told else None,
        pnum=pnum,
        pno=pno,
        is_backfill=told.get("RF") == "1",
        region=region_of(told["groups"]),
    )


def region_of(groups: Sequence[Sequence[Sequence[str]]]) -> str:
    return ";".join(write_group(tuple((name, value) for name, value in group)) for group in groups)
