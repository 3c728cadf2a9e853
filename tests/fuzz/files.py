"""What people write and machines keep: site files, models, loads, registers, checkpoints."""

import atexit
import os
from collections.abc import Callable
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

import numpy as np
import tomlkit

from agent.build import setups_of
from agent.detect.detector import CheckpointError, Detector
from agent.judging.detector_feed import DetectorFeed
from agent.site.enrolment import ENROLMENT_NAME, EnrolmentError, read_enrolment
from agent.site.file import ConfigError, load_site, parse_site
from agent.site.linkages import incomer_of, linkages_of
from agent.site.webhook_url import WebhookUrlError, parse_webhook
from agent.uplink.settings import mqtt_settings
from centre.register import RegisterError, enrolment_line, read_register
from disk.tables import TableError
from drivers.errors import BusUrlError, ModelError
from drivers.link.bus_url import parse_url
from drivers.points import model as models
from drivers.points.model import Model
from drivers.reading import Block
from provisioning.loads.loads import LoadsError
from provisioning.loads.reader import read_loads
from provisioning.loads.settings import WantedLine
from provisioning.loads.xlsx import CELL_CHARACTERS_MAX, COLUMNS_MAX, ROWS_MAX, Workbook, WorkbookError
from tests.agent.detect.timeline import T0_S, linkage
from tests.agent.rig import SITE
from tests.fuzz.target import CBOR, JSON, TOML, Target
from tests.provisioning.loads.books import book_file, sheet_xml
from wire.messages import Topics
from wire.mqtt_settings import MqttSettingsError, parse_broker

MISTAKE_CHARACTERS_MAX: Final = 100_000
MODELS: Final = Path(models.__file__).parent.parent / "models"


@cache
def _file() -> int:
    """A file that lies nowhere, which each input is written to."""
    return os.memfd_create("input")


def _written(raw: bytes) -> Path:
    os.ftruncate(_file(), 0)
    os.pwrite(_file(), raw, 0)
    return Path(f"/proc/self/fd/{_file()}")


@cache
def _folder() -> Path:
    """For what must lie in a folder; `make fuzz` gives its targets one to leave it in."""
    folder = Path(mkdtemp(prefix="dianjian-fuzz-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return folder


def _one_line_each(problems: tuple[str, ...]) -> None:
    assert problems
    for problem in problems:
        assert problem.splitlines() == [problem], "a mistake is not one line"
        assert len(problem) <= MISTAKE_CHARACTERS_MAX


def run_site(raw: bytes) -> None:
    try:
        site = load_site(_written(raw))
    except ConfigError as error:
        _one_line_each(error.problems)
        return
    assert parse_site(site.text, site.file) == site
    looks: tuple[Callable[[], object], ...] = (
        lambda: setups_of(site),
        lambda: incomer_of(site, linkages_of(site)),
        lambda: site.broker and mqtt_settings(site, site.broker, Topics(site.site.gateway)),
    )
    for look in looks:
        try:
            look()
        except ConfigError as error:
            _one_line_each(error.problems)


def _site_seeds() -> list[bytes]:
    """By hand, with everything that there is, and learned."""
    learned = tomlkit.parse(SITE + _MORE)
    site = parse_site(SITE + _MORE, Path("site.toml"))
    params = linkages_of(site)
    incomer = incomer_of(site, params)
    assert incomer is not None
    tables = {"linkage": params[0].to_dict(), "line": incomer.to_dict()}
    for name, table in tables.items():
        learned[name][-1]["parameters"] = table  # type: ignore[index]
    return [SITE.encode(), (SITE + _MORE).encode(), tomlkit.dumps(learned).encode()]


def run_site_text(raw: bytes) -> None:
    """The same without a file, for texts that somebody else has read."""
    try:
        parse_site(raw.decode("utf-8", errors="replace"), Path("site.toml"))
    except TableError as error:
        _one_line_each(error.problems)


_MODEL: Final = b"""
name = "acme-100"
maker = "Acme"
title = "Acme 100"
verified = "document"
provenance = "Register list"
[limits]
request_registers_max = 80
gap_registers_max = 0
barriers = [{ function = 3, address = 0x1000 }]
[defaults]
function = 4
type = "f32"
word_order = "high_first"
values = "secondary"
[absent]
s16 = "8000"
[points]
voltage_l1 = { address = 0x00 }
active_power = { address = 0x34, scale = 1000 }
current_l1 = { address = 0x06, scale_point = "current_exponent" }
current_exponent = { address = 0x05, quantity = "scale", type = "s16" }
serial_number = { function = 3, address = 0x100, type = "text", text_words = 10 }
[[fingerprint]]
address = 0x0B
type = "u16"
one_of = [330, 331]
[[golden]]
source = "captured"
request = "01 04 00 34 00 02 30 05"
response = "01 04 04 00 00 00 00"
expect = { active_power = 1234.5 }
"""
_MORE: Final = """
[[line]]
id = "incomer"
kind = "incomer"
rated_w = 900000
[warning]
url = "http://127.0.0.1:8080/lamp"
after_s = 12.5
[tpm]
tcti = "device:/dev/tpmrm0"
"""


def run_model(raw: bytes) -> None:
    try:
        model = models.load_file(_written(raw))
    except ModelError as error:
        _one_line_each(error.problems)
        return
    assert Model.from_table(model.table()).table() == model.table()
    _decodes(model)


def run_model_table(raw: bytes) -> None:
    """The point table of a manifest: nobody knows who wrote it."""
    try:
        model = Model.from_table(raw)
    except ModelError as error:
        _one_line_each(error.problems)
        return
    assert model.table() == raw
    _decodes(model)


def _decodes(model: Model) -> None:
    """A model that was taken decodes anything, or says what it cannot."""
    for words in (b"\xff" * 250, b"\0" * 250, bytes(range(250))):
        try:
            model.decode([Block(3, 0, words), Block(4, 0, words)], 1.5, 1.0)
        except (ValueError, ArithmeticError, LookupError):
            continue


def _model_seeds() -> list[bytes]:
    """The shipped files without most of their points, which are much alike."""
    return [
        _MODEL,
        *(MODELS.joinpath(f"{name}.toml").read_bytes() for name in ("chint-ddsu666", "sunspec-203")),
    ]


def _table_seeds() -> list[bytes]:
    sunspec = models.load("sunspec-203")
    small = Model(name="a", points=models.load("chint-ddsu666").points[:2])
    return [small.table(), sunspec.table()]


def run_registry(raw: bytes) -> None:
    try:
        read_register(_written(raw))
    except RegisterError as error:
        _one_line_each((str(error),))


def run_enrolment(raw: bytes) -> None:
    (_folder() / ENROLMENT_NAME).write_bytes(raw)
    try:
        known = read_enrolment(_folder())
    except EnrolmentError:
        return
    assert {"gateway", "first_key"} <= known.keys()


def run_loads(raw: bytes) -> None:
    try:
        loads = read_loads(_written(raw), _LINES)
    except LoadsError as error:
        _one_line_each(error.problems)
        return
    assert loads.watts.keys() >= {"p1", "t1"}
    assert (np.diff(loads.times_s) > 0).all()
    assert all(len(column) == len(loads.times_s) for column in loads.watts.values())
    for note in loads.notes:
        assert note.words.zh
        assert note.words.en.splitlines() == [note.words.en], "a note is not one line"


def run_sheet(raw: bytes) -> None:
    """The XML of a sheet, in a workbook that is whole."""
    path = book_file(_folder() / "loads.xlsx", {"1": []}, more={"xl/worksheets/sheet1.xml": raw})
    try:
        for number, row in Workbook(path).rows("1"):
            assert 1 <= number <= ROWS_MAX
            assert 1 <= len(row) <= COLUMNS_MAX
            assert all(len(cell) <= CELL_CHARACTERS_MAX for cell in row)
    except WorkbookError as error:
        _one_line_each((str(error),))


def _sheet_seeds() -> list[bytes]:
    texts: list[str] = []
    rows = [["time", "p1"], [datetime(2026, 3, 2, 8), 45.5], [46_083.5, None]]  # noqa: DTZ001 - Excel has no zones
    return [
        sheet_xml(rows, texts).encode(),
        b"<worksheet><sheetData><row><c t='inlineStr'><is><t>x</t></is></c></row></sheetData></worksheet>",
    ]


def run_urls(raw: bytes) -> None:
    """Addresses in a site file."""
    text = raw.decode("utf-8", errors="replace")
    tries: tuple[tuple[Callable[[], object], type[Exception]], ...] = (
        (lambda: parse_url(text), BusUrlError),
        (lambda: parse_webhook(text), WebhookUrlError),
        (lambda: parse_broker(text, None, None, None), MqttSettingsError),
        (lambda: parse_broker(text, Path("a"), Path("b"), Path("c")), MqttSettingsError),
    )
    for attempt, wanted in tries:
        try:
            attempt()
        except wanted as error:
            _one_line_each((str(error),))


def run_checkpoint(raw: bytes) -> None:
    """What the detector remembered: it takes it, or is as new; either way it goes on."""
    detector = Detector([linkage()])
    try:
        detector.restore(raw)
    except CheckpointError:
        assert detector.checkpoint() == Detector([linkage()]).checkpoint()
    detector.sample("p1", T0_S, 5_000)
    detector.advance(T0_S + 60)


def run_summed(raw: bytes) -> None:
    """A checkpoint whose sum fits, as another version of the detector may have left it."""
    detector = Detector([linkage()])
    try:
        detector.restore(sha256(raw).digest() + raw)
    except CheckpointError:
        assert detector.checkpoint() == Detector([linkage()]).checkpoint()
        detector.sample("p1", T0_S, 5_000)
        detector.advance(T0_S + 60)


def run_watch(raw: bytes) -> None:
    """The checkpoint in the database. `Checkpoints` begins anew whatever is raised, so only time, memory and
    what is no Exception count here."""
    feed = DetectorFeed(Detector([linkage()]), {}, {}, [linkage()])
    try:
        feed.restore(raw)
    except Exception:  # noqa: BLE001 -- as agent.judging.checkpoints does
        return


def _checkpoint_seeds() -> list[bytes]:
    detector = Detector([linkage()])
    empty = detector.checkpoint()
    for second in range(0, 300, 10):
        detector.sample("p1", T0_S + second, 30_000)
        detector.sample("t1", T0_S + second, 10)
    detector.advance(T0_S + 300)
    return [empty, detector.checkpoint()]


def _watch_seeds() -> list[bytes]:
    return [DetectorFeed(Detector([linkage()]), {}, {}, [linkage()]).checkpoint()]


_URLS: Final = (
    b"tcp://10.0.0.9:502", b"rtu:/dev/ttyS1?baudrate=9600&parity=N&stopbits=1", b"rtu+tcp://h:4001",
    b"mqtts://broker.example:8883", b"mqtt://[::1]:1883", b"http://127.0.0.1:8080/warning?a=b",
)  # fmt: skip
_LINES: Final = (
    WantedLine("p1", "production", 60_000, "电镀线"),
    WantedLine("t1", "treatment", 22_000),
    WantedLine("incomer", "incomer", 90_000, judged=False),
)
_QUARTERS: Final = "\n".join(
    f"{1 + at // 96:02d}/01/2018 {at // 4 % 24:02d}:{at % 4 * 15:02d};{at % 90 / 4:.2f};1,5;正常".replace(
        ".", ","
    )
    for at in range(1, 40)
)
_LOADS: Final = (
    ("\ufeff报表\n时间;电镀线功率(kW);t1 kW;状态\n" + _QUARTERS + "\n合计;1;2;\n").encode(),
    ("date\tp1(kWh)\tt1\n2026/3/2 8:00\t1,234.5\t--\n2026/3/2 8:15\t9.5\t-1\n").encode("utf-16"),
    "时间,P总,t1\n2026-03-02 08:00:00,45.1,2\n2026-03-02 08:00:00,45.2,坏\n".encode("gbk"),
    b"time,p1,t1\n2026-01-01T00:00:00Z,1,2\n2026-01-01T00:00:10Z,,3\n",
    b"\xef\xbb\xbftime,p1,t1,p1.pf,incomer\n1767225600,1e3,2,0.9,5\n1767225610,4,5,,6\n",
)

TARGETS: Final = (
    Target("site", run_site, _site_seeds, 40_000, TOML),
    Target(
        "site_text", run_site_text, lambda: [b'[site]\ngateway = "g"\n', b"[[bus]]\nid = 1\n"], 1_024, TOML
    ),
    Target("model", run_model, _model_seeds, 40_000, TOML),
    Target("model_table", run_model_table, _table_seeds, 8_192, JSON),
    Target("registry", run_registry, lambda: [enrolment_line("g1", bytes(32)).encode() * 2], 1_024),
    Target("enrolment", run_enrolment, lambda: [enrolment_line("g1", bytes(32)).encode()], 1_024, JSON),
    Target("loads", run_loads, lambda: list(_LOADS), 2_048),
    Target("sheet", run_sheet, _sheet_seeds, 4_096),
    Target("urls", run_urls, lambda: list(_URLS), 256),
    Target("checkpoint", run_checkpoint, _checkpoint_seeds, 16_384),
    Target("summed", run_summed, lambda: [one[32:] for one in _checkpoint_seeds()], 16_384, CBOR),
    Target("watch", run_watch, _watch_seeds, 16_384, form=CBOR),
)
