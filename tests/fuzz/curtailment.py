"""Bodies of lists, alerts and marks, their catalogues, and reduction lists as text."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from disk.tables import TableError
from evidence import cbor
from evidence.cbor import FormatError
from evidence.curtailment.measures import decode_alert, decode_list
from evidence.marks.catalogue import parse_catalogue as parse_marks
from evidence.marks.mark import decode_mark
from provisioning.curtail.catalogue import load_catalogue, parse_catalogue
from provisioning.curtail.list_file import read_lists
from provisioning.curtail.sheet import read_sheet
from provisioning.loads.loads import LoadsError
from tests.evidence.curtailment.test_measures import ALERT, LIST
from tests.evidence.marks.test_marks import MARK
from tests.fuzz.target import CBOR, TOML, Target

BYTES_MAX: Final = 16_384
_CODES: Final = b"""industry = "x"
edition = "e"
[[code]]
id = "stop"
zh = "\xe5\x81\x9c"
en = "stop"
family = "production"
says = "stopped"
late_s = 60
exempt = true
"""
_NAMES: Final = b"""edition = "e"
[[law]]
name = "l"
english = "law"
[[level]]
id = "red"
words = ["red", 1]
[[grade]]
id = "A"
words = ["A"]
[[measure]]
id = "stop"
words = ["stop"]
[[column]]
id = "line"
words = ["line"]
"""
_SHEET: Final = (
    "网关,生产线,预警级别,减排措施,限产比例,允许时段,基准\n"
    "g1,p1,红色,限产,30,,99.5\ng1,p2,橙,限时,,22:00-6:00,\n"
)


def run_bodies(raw: bytes) -> None:
    with suppress(FormatError):
        body = cbor.decode(raw, BYTES_MAX)
        for decode in (decode_list, decode_alert, decode_mark):
            with suppress(FormatError):
                assert cbor.encode(decode(body).to_body()) == raw


def run_catalogues(raw: bytes) -> None:
    for parse in (parse_marks, parse_catalogue):
        with suppress(TableError):
            parse(raw)


def run_sheet(raw: bytes) -> None:
    """Whatever passes without a problem is a list that a gateway takes."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(raw)
        file.flush()
        path = Path(file.name)
        with suppress(LoadsError):
            listed = read_lists(path, read_sheet(path), load_catalogue(), "e", "g1")
            if not listed.problems:
                assert all(decode_list(one.to_body()) == one for one in listed.lists.values())


TARGETS: Final = (
    Target(
        "reduction_bodies",
        run_bodies,
        lambda: [cbor.encode(one.to_body()) for one in (LIST, ALERT, MARK)],
        BYTES_MAX,
        CBOR,
    ),
    Target("mark_catalogue", run_catalogues, lambda: [_CODES, _NAMES], 4_096, TOML),
    Target("reduction_list", run_sheet, lambda: [_SHEET.encode(), _SHEET.encode("gb18030")], 4_096),
)
