"""Every writer of the product: how its folder begins, what it does, and what may be found there afterwards.

`look` gives what a reader gets: it must be what was there before or what a whole run gives, whatever
happened in between.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast
from unittest import mock

from attrs import evolve, field, frozen
from cryptography import x509

from agent.care.gathering import DIAGNOSES_NAME, keep_file
from agent.inbox import drop
from agent.learned import read_learned, write_learned
from agent.sealing import rekey, statements
from agent.sealing.key_slots import KeySlots, KeySlotsError, first_slot
from agent.site.enrolment import EnrolmentError, read_enrolment, write_enrolment
from agent.site.remote import Kept as KeptSite
from agent.site.remote import Remote, read_remote, write_remote
from agent.store import archiving
from centre.archive.month_file import find_file, write_month
from centre.archive.months import Month, Share
from centre.clues.ledger import add_step, read_clues
from centre.enrolment.ledger import LEDGER_NAME, KeptToken, Ledger, OfficeError
from centre.enrolment.office import AUTHORITY_NAME, KEY_NAME, REVOKED_NAME, Office, make_office
from centre.files.shelf import Kept, Shelf
from centre.orders.ledger import add_line as add_order_line
from centre.orders.ledger import open_ledger, root_line, statement_line
from centre.register import add_line, enrolment_line, read_register
from disk.files import move, replace_file, write_output
from disk.probe import probe_folder
from drivers.poll.learned import LearnedBus
from evidence.archive import Archive, Row
from evidence.delegated import Signer
from evidence.held import Held
from evidence.keys import create_key_file, load_key_file, public
from provisioning.centre import approve, office
from provisioning.declaring import certificate, letters, passwords, persons
from provisioning.doctor import bundle
from provisioning.enrolment.file import FolderTransport
from provisioning.enrolment.identity import Identity
from provisioning.evidence import export, verb
from provisioning.journal.entries import Journal
from provisioning.journal.file import load_journal, save_journal
from provisioning.meters.bus_option import open_record
from provisioning.setup.session import set_aside
from provisioning.terminal.exits import write_or_fail
from tests.evidence.chains import GATEWAY, Chain, secret
from tests.evidence.clues import ledgers
from tests.evidence.orders import made
from wire.enrolment import certificates
from wire.enrolment.answer import Issued, Refused
from wire.enrolment.token import new_token
from wire.platforms.credentials import Credentials, read_credentials, write_credentials

NOW: Final = 1_767_268_800_000
OLD: Final = b"what was there before\n" * 30
NEW: Final = b"what comes in its place, and is longer\n" * 30
_HASH: Final = f"scrypt$16384$8$5${'0' * 32}${'0' * 64}"
_CENTRE: Final = Signer.of_root(secret(0, "centre"))
_CSR: Final = certificates.make_csr(certificates.new_key(), "g1", b"attribute")
_PAIR: Final = certificates.make_authority("dianjian", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@frozen
class Writer:
    """One row.

    Attributes:
        sites: The functions that it goes through, as "module:function".
        act: Writes.
        look: What a reader finds.
        arrange: Makes what was there before.
        refuses: How a second try answers if the first was killed when all was done: what is there is never
            overwritten.
        is_kept: Whether that holds after an error too: the last step of all failed, and nothing was undone.
    """

    name: str
    sites: tuple[str, ...]
    act: Callable[[Path], object]
    look: Callable[[Path], object]
    arrange: Callable[[Path], object] = lambda _: None
    refuses: tuple[type[Exception], ...] = field(default=())
    is_kept: bool = False


def _bytes(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).read_bytes() if (folder / name).exists() else None


def _old(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(OLD)


def _letters(folder: Path) -> object:
    return [path.read_bytes() for path in folder.glob("state/postbox/*.json")]


def _drop(folder: Path) -> None:
    (folder / "state").mkdir(exist_ok=True)
    drop(folder / "state", {"what": "wiring", "text": "wired as drawn " * 5}, NOW)


def _bring_file(folder: Path) -> None:
    (folder / "photo.jpg").write_bytes(NEW)


def _keep_file(folder: Path) -> None:
    letters.keep_file(folder, "photo.jpg", (folder / "photo.jpg").read_bytes())


def _put_on_shelf(folder: Path) -> None:
    """A file of a gateway, from the first byte that is missing."""
    shelf, sha256 = Shelf(folder / "shelf"), hashlib.sha256(NEW).hexdigest()
    first = shelf.find_missing("g1", sha256, len(NEW))
    for at in range(len(NEW) if first is None else first, len(NEW), 600):
        shelf.put("g1", sha256, len(NEW), at, NEW[at : at + 600])


def _write_month(folder: Path, last: int = 3) -> None:
    """The file of a month, whose store is in memory: SQLite has tests of its own."""
    share = Share(Month(2026, 1), GATEWAY, 1, 1, last)
    write_month(cast("Archive", HeldChain()), share, find_file(folder / "archive", share), _CENTRE, NOW)


class HeldChain:
    """What a store holds of a gateway."""

    gateway, enrolment, statements, last = GATEWAY, b"", (), 3
    held = Held(3)

    def rows(self, first: int, last: int, *, bodies: bool = True) -> Iterator[Row]:
        """As `evidence.archive`."""
        del bodies
        chain = Chain()
        yield from [Row(one.number, one.cose, one.body) for one in (chain.seal() for _ in range(3))][
            first - 1 : last
        ]


def _erase_from_shelf(folder: Path) -> None:
    Shelf(folder / "shelf").erase("g1", hashlib.sha256(NEW).hexdigest())


def _shelf(folder: Path) -> object:
    """Whether the file is whole or erased; a part of it is nothing yet."""
    sha256 = hashlib.sha256(NEW).hexdigest()
    kept, path = Shelf(folder / "shelf").look("g1", sha256), folder / "shelf/g1" / sha256
    return path.read_bytes() if kept is Kept.HELD else kept is Kept.ERASED


def _name_persons(*roles: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        known = persons.parse_line(_HASH)
        persons.write_persons(folder, [persons.Person(f"王{one}", one, known) for one in roles])

    return act


def _kept_files(folder: Path) -> object:
    return [path.read_bytes() for path in folder.glob("files/[0-9a-f]*") if len(path.name) == 64]


def _probe(folder: Path) -> None:
    error = probe_folder(folder)
    if error is not None:
        raise error


def _enrolment(folder: Path) -> object:
    try:
        return read_enrolment(folder)
    except EnrolmentError:
        return None if not (folder / "enrolment.json").exists() else "damaged"


def _slots(folder: Path) -> object:
    file = folder / "keys"
    return KeySlots(file).load() if file.exists() else None


def _restart(folder: Path) -> None:
    KeySlots(folder / "keys").restart(evolve(first_slot(secret(70)), number=70), keep=False)


def _next_slot(folder: Path) -> None:
    slots = KeySlots(folder / "keys")
    try:
        slots.write(evolve(first_slot(secret(2)), number=2))
    except BaseException:
        with suppress(BaseException):
            slots.close()
        raise
    slots.close()


def _slot_1(folder: Path) -> object:
    """The other slot: that which is written may be torn, the process ends, and this one goes on."""
    return KeySlots(folder / "keys").load()[0]


def _keep(folder: Path) -> None:
    statements.keep(folder, statements.Kept(b"a statement " * 9, b"a receipt"))


def _kept(folder: Path) -> object:
    return bool(statements.read_statements(folder)) or (folder / statements.STATEMENTS_NAME).exists()


def _register(folder: Path) -> object:
    return {name: one.first_key for name, one in read_register(folder / "register").items()}


def _begin_orders(folder: Path) -> None:
    add_order_line(folder / "orders", root_line(public(made.ROOT)))


def _add_statement(folder: Path) -> None:
    add_order_line(folder / "orders", statement_line(made.WITHDRAWAL))


def _begin_clues(folder: Path) -> None:
    """With its first step; the officers stand in the ledger of orders."""
    _begin_orders(folder)
    for raw in (*ledgers.STATEMENTS, made.PLACEMENT):
        add_order_line(folder / "orders", statement_line(raw))
    _add_clue_step(folder)


def _add_clue_step(folder: Path) -> None:
    known, raws = read_clues(folder / "clues", open_ledger(folder / "orders"))
    writer = ledgers.Writer([*raws])
    stage, body = ledgers.COURSE[len(raws)]
    add_step(folder / "clues", known, writer.step("c1", stage, body, utc_ms=made.NOW_MS))


def _clues(folder: Path) -> object:
    return read_clues(folder / "clues", open_ledger(folder / "orders"))[1][:2]


def _orders(folder: Path) -> object:
    return open_ledger(folder / "orders").trust.raws


def _ledger(folder: Path) -> object:
    with Ledger(folder / LEDGER_NAME).locked() as ledger:
        return {token.gateway for token in ledger.tokens.values()}


def _give(gateway: str) -> Callable[[Path], object]:
    def give(folder: Path) -> None:
        with Ledger(folder / LEDGER_NAME).locked() as ledger:
            token = new_token()
            ledger.add_token(KeptToken(token.id, gateway, token.mac_key, NOW), NOW)

    return give


def _make_office(folder: Path) -> None:
    with mock.patch.object(certificates, "make_authority", return_value=_PAIR):
        make_office(folder, "dianjian", NOW)


def _office(folder: Path) -> object:
    """An office begins with its certificate; without that nobody believes the key."""
    if not (folder / AUTHORITY_NAME).exists():
        return None
    certificates.parse_certificate((folder / AUTHORITY_NAME).read_bytes())
    return (folder / KEY_NAME).read_bytes() == _PAIR[0]


def _revoked(folder: Path) -> object:
    return len(x509.load_pem_x509_crl((folder / REVOKED_NAME).read_bytes()))


def _pair(folder: Path) -> object:
    return tuple(
        _bytes(f"server.{end}")(folder) in {None, content} for end, content in (("key", OLD), ("pem", NEW))
    )


def _identity(folder: Path) -> None:
    identity = Identity(folder / "tls")
    identity.make_key(lambda: NEW)
    identity.keep_request(NEW + b"request")
    identity.install("a" * 16, OLD, OLD)


def _certificate(folder: Path) -> object:
    here = folder / "tls" / "current"
    if not here.exists():
        return None
    return [(here / name).read_bytes() for name in ("key.pem", "certificate.pem", "ca.pem", "request.csr")]


def _set_password(password: str) -> Callable[[Path], object]:
    def act(folder: Path) -> None:
        with mock.patch.multiple(passwords, SCRYPT_N=2, SCRYPT_R=1, SCRYPT_P=1):
            passwords.write_password(folder / "password", password)

    return act


def _password(folder: Path) -> object:
    known = passwords.read_password(folder / "password")
    return [
        word for word in ("the old one is this", "and this is the new one") if known.matches(word.encode())
    ]


def _bundle(folder: Path) -> None:
    with mock.patch.object(bundle, "collect_members", return_value={"a.txt": "x" * 5_000}):
        bundle.write_bundle(folder / "out.zip", mock.Mock(), [], lambda _: None)


def _export(folder: Path) -> None:
    chain = Chain()
    items = [export.ExportedSeal(seal.cose, seal.body) for seal in (chain.seal() for _ in range(3))]
    with mock.patch.object(export, "_of_gateway", return_value=("gw-7", iter(items))):
        callback: Any = export.command.callback
        callback(folder, None, None, folder / "file")


def _ask(folder: Path) -> None:
    FolderTransport(folder, "g1").exchange(_CSR, b"")


def _record(folder: Path) -> None:
    with open_record(folder / "record") as write:
        for number in range(9):
            write(f"line {number}\n")


def _recorded(folder: Path) -> object:
    """A record is a stream of lines: a torn last one is left out when it is played back."""
    text = _bytes("record")(folder)
    whole = "".join(f"line {number}\n" for number in range(9)).encode()
    return isinstance(text, bytes) and whole.startswith(text)


def _key(folder: Path) -> object:
    return len(load_key_file(folder / "key")) if (folder / "key").exists() else None


def _moved(folder: Path) -> object:
    return [path.read_bytes() for path in folder.iterdir()]


FILE: Final = _bytes("file")
OLD_FILE: Final = _old("file")
WRITERS: Final = (
    Writer(
        "a probe of a folder", ("disk.probe:probe_folder",), _probe, _bytes("beside"), arrange=_old("beside")
    ),
    Writer(
        "a key file",
        (
            "evidence.keys:create_key_file",
            "agent.site.enrolment:make_recovery_key",
            "provisioning.centre.group:init",
            "provisioning.centre.keys:make",
        ),
        lambda folder: create_key_file(folder / "key"),
        _key,
        refuses=(FileExistsError,),
    ),
    Writer(
        "the register",
        (
            "centre.register:add_line",
            "centre.register:enrol_in",
            "provisioning.centre.chain:_add",
            "provisioning.centre.readmit:readmit",
        ),
        lambda folder: add_line(folder / "register", enrolment_line("second", bytes(31) + b"x")),
        _register,
        lambda folder: add_line(folder / "register", enrolment_line("first", bytes(32))),
    ),
    Writer(
        "the credentials of a platform",
        ("wire.platforms.credentials:write_credentials",),
        lambda folder: write_credentials(folder / "file", Credentials("246810", (bytes(16), bytes(16)))),
        lambda folder: read_credentials(folder / "file"),
        lambda folder: write_credentials(folder / "file", Credentials("100000", (bytes(16),))),
    ),
    Writer("the ledger", ("centre.enrolment.ledger:Ledger._append",), _give("g2"), _ledger, _give("g1")),
    Writer(
        "an office",
        ("centre.enrolment.office:make_office",),
        _make_office,
        _office,
        refuses=(OfficeError,),
        is_kept=True,
    ),
    Writer(
        "the list of revoked certificates",
        ("centre.enrolment.office:Office._write_revoked",),
        lambda folder: Office(folder).write_revoked(NOW),
        _revoked,
        _make_office,
    ),
    Writer(
        "the ledger of clues",
        ("centre.clues.ledger:add_step",),
        _add_clue_step,
        _clues,
        _begin_clues,
    ),
    Writer(
        "the ledger of orders",
        (
            "centre.orders.ledger:add_line",
            "provisioning.centre.keys:begin",
            "provisioning.centre.keys:_state",
            "provisioning.centre.order:issue_orders",
        ),
        _add_statement,
        _orders,
        _begin_orders,
    ),
    Writer("the inbox", ("agent.inbox:drop",), _drop, _letters),
    Writer(
        "a file of an answer",
        ("provisioning.declaring.letters:keep_file",),
        _keep_file,
        _kept_files,
        _bring_file,
    ),
    Writer(
        "a file in the plant's own archive",
        ("agent.store.archiving:_copy_file",),
        lambda folder: archiving._copy_file(folder / "source", folder / "file", 10_000),
        FILE,
        lambda folder: [(folder / "source").write_bytes(NEW), OLD_FILE(folder)],
    ),
    Writer(
        "a month of a gateway at the centre",
        ("centre.archive.month_file:write_month",),
        _write_month,
        _bytes(f"archive/{GATEWAY}/2026-01.cbor"),
        lambda folder: _write_month(folder, last=2),
    ),
    Writer(
        "a file of a gateway at the centre",
        ("centre.files.shelf:Shelf._finish", "centre.files.shelf:_append"),
        _put_on_shelf,
        _shelf,
    ),
    Writer(
        "a file of no bytes at the centre",
        ("centre.files.shelf:Shelf.put_empty",),
        lambda folder: Shelf(folder / "shelf").put_empty("g1", "0" * 64),
        lambda folder: Shelf(folder / "shelf").look("g1", "0" * 64),
    ),
    Writer(
        "a file that is erased at the centre",
        ("centre.files.shelf:Shelf.erase",),
        _erase_from_shelf,
        _shelf,
        _put_on_shelf,
    ),
    Writer(
        "the site file that the centre has sent",
        ("agent.site.remote:write_remote",),
        lambda folder: write_remote(folder, Remote("0" * 64, KeptSite("c1", 1, "[site]\n"))),
        lambda folder: read_remote(folder) or None,
        lambda folder: write_remote(folder, Remote("0" * 64)),
    ),
    Writer(
        "what a diagnose order had made",
        ("agent.care.gathering:keep_file",),
        lambda folder: keep_file(folder, NEW),
        _bytes(f"{DIAGNOSES_NAME}/{hashlib.sha256(NEW).hexdigest()}"),
        lambda folder: keep_file(folder, OLD),
    ),
    Writer(
        "the enrolment",
        ("agent.site.enrolment:write_enrolment",),
        lambda folder: write_enrolment(folder, "g1", bytes(32), bytes(31) + b"x"),
        _enrolment,
        lambda folder: write_enrolment(folder, "g1", bytes(32)),
    ),
    Writer(
        "the first key",
        ("agent.sealing.key_slots:KeySlots._appear",),
        lambda folder: KeySlots(folder / "keys").create(secret(1)),
        _slots,
        refuses=(KeySlotsError,),
        is_kept=True,
    ),
    Writer(
        "a re-key",
        ("agent.sealing.key_slots:KeySlots._appear",),
        _restart,
        _slots,
        lambda folder: KeySlots(folder / "keys").create(secret(1)),
    ),
    Writer(
        "the next key",
        ("agent.sealing.key_slots:KeySlots._put",),
        _next_slot,
        _slot_1,
        lambda folder: KeySlots(folder / "keys").create(secret(1)),
    ),
    Writer(
        "a key file that is destroyed",
        ("agent.sealing.rekey:_destroy",),
        lambda folder: rekey._destroy(folder / "file") if (folder / "file").exists() else None,
        lambda folder: (folder / "file").exists(),
        OLD_FILE,
    ),
    Writer(
        "what was learned of the meters",
        ("agent.learned:write_learned",),
        lambda folder: write_learned(folder, {"b1": LearnedBus(0.1)}),
        lambda folder: read_learned(folder) or None,
        lambda folder: write_learned(folder, {"b1": LearnedBus(0.3)}),
    ),
    Writer("a statement", ("agent.sealing.statements:keep",), _keep, _kept),
    Writer(
        "a TLS identity",
        (
            "provisioning.enrolment.identity:Identity.install",
            "provisioning.enrolment.identity:Identity.keep_request",
            "provisioning.enrolment.identity:Identity.make_key",
        ),
        _identity,
        _certificate,
    ),
    Writer(
        "the journal",
        ("provisioning.journal.file:save_journal",),
        lambda folder: save_journal(folder / "journal", Journal(site_sha256="ab" * 32)),
        lambda folder: load_journal(folder / "journal"),
        lambda folder: save_journal(folder / "journal", Journal()),
    ),
    Writer(
        "what a verb writes for the daemon or as a proof",
        (
            "provisioning.acceptance.sheet:write_sheet",
            "provisioning.learning.commission:write_learned",
            "provisioning.setup.find:_write_model",
            "provisioning.setup.session:Session.write_site",
        ),
        lambda folder: write_or_fail(folder / "file", NEW, replace_file),
        FILE,
        OLD_FILE,
    ),
    Writer(
        "what a verb writes for a person",
        (
            "provisioning.centre.clues.export:draw_map",
            "provisioning.centre.clues.export:export",
            "provisioning.centre.clues.work_order:work_order",
            "provisioning.centre.diagnose:show",
            "provisioning.curtail.dry_run:dry_run",
            "provisioning.curtail.verdict:verdict",
            "provisioning.marks.report_verb:_report",
            "provisioning.evidence.explain:_write",
            "provisioning.evidence.verify_pack:verify_pack",
            "provisioning.learning.backtest:command",
            "provisioning.meters.identify:_write",
            "provisioning.meters.models:page",
        ),
        lambda folder: write_or_fail(folder / "file", NEW),
        FILE,
        OLD_FILE,
    ),
    Writer(
        "a request for an external authority",
        ("provisioning.centre.approve:approve",),
        lambda folder: write_output(folder / "file", NEW),
        FILE,
        OLD_FILE,
    ),
    Writer(
        "a certificate on a stick",
        ("provisioning.centre.approve:write_answer",),
        lambda folder: approve.write_answer(folder, "g1", Issued(NEW)),
        _bytes("dianjian-g1.p7c"),
        _old("dianjian-g1.p7c"),
    ),
    Writer(
        "a refusal on a stick",
        ("provisioning.centre.approve:write_answer",),
        lambda folder: approve.write_answer(folder, "g1", Refused("denied")),
        _bytes("dianjian-g1.refused"),
    ),
    Writer(
        "a request on a stick",
        ("provisioning.enrolment.file:FolderTransport.exchange",),
        _ask,
        _bytes("dianjian-g1.csr"),
        _old("dianjian-g1.csr"),
    ),
    Writer(
        "a certificate of the centre",
        ("provisioning.centre.office:write_pair",),
        lambda folder: office.write_pair(folder, "server", OLD, NEW),
        _pair,
    ),
    Writer(
        "the files of the broker, and the lines for the site file",
        ("provisioning.centre.broker:broker_config", "provisioning.enrolment.enrolling:enrol"),
        lambda folder: replace_file(folder / "file", NEW, 0o600),
        FILE,
        OLD_FILE,
    ),
    Writer(
        "the password of the page",
        ("provisioning.declaring.passwords:write_password",),
        _set_password("and this is the new one"),
        _password,
        _set_password("the old one is this"),
    ),
    Writer(
        "the certificate of the page",
        ("provisioning.declaring.certificate:write_certificate",),
        lambda folder: certificate.write_certificate(folder, OLD, NEW),
        _bytes("page.key"),
    ),
    Writer(
        "the persons of a plant",
        ("provisioning.declaring.persons:write_persons",),
        _name_persons("环保员", "厂长"),
        lambda folder: [one.role for one in persons.read_persons(folder)],
        _name_persons("环保员"),
    ),
    Writer(
        "a bundle",
        ("provisioning.doctor.bundle:write_bundle",),
        _bundle,
        _bytes("out.zip"),
        _old("out.zip"),
    ),
    Writer(
        "evidence",
        ("provisioning.evidence.verb:_write",),
        lambda folder: verb._write(folder / "file", NEW),
        FILE,
        refuses=(RuntimeError,),  # click's Exit
    ),
    Writer("a chain", ("provisioning.evidence.export:command",), _export, FILE, OLD_FILE),
    Writer("a record", ("provisioning.meters.bus_option:open_record.write",), _record, _recorded, _record),
    Writer(
        "a file that is set aside",
        ("provisioning.setup.session:set_aside",),
        lambda folder: set_aside(folder / "file", "damaged") if (folder / "file").exists() else None,
        _moved,
        OLD_FILE,
    ),
    Writer(
        "a database that takes the place of another",
        (
            "agent.sealing.tip:fit",
            "agent.store.opening:_copy",
            "agent.store.opening:_finish",
            "agent.store.salvage:set_aside",
        ),
        lambda folder: move(folder / "draft", folder / "file") if (folder / "draft").exists() else None,
        FILE,
        lambda folder: [_old("file")(folder), (folder / "draft").write_bytes(NEW)],
    ),
)
ELSEWHERE: Final = {
    **dict.fromkeys(
        ("agent.spool.spool:Spool._append", "agent.spool.spool:Spool._rewrite"),
        "a file in memory, written by frames: tests/agent/spool kills it at every call",
    ),
    "agent.inbox:Inbox._refuse": "a letter that cannot be set aside stays, and is not sealed again",
    **dict.fromkeys(
        (
            "provisioning.alert_day.officer:Officer._send",
            "provisioning.alert_day.officer:Officer.begin",
            "provisioning.alert_day.officer:Officer.send_list",
            "provisioning.demo.broker:main",
            "provisioning.demo.broker:write_mosquitto_config",
            "provisioning.demo.judge:judge",
            "provisioning.demo.stage:register",
            "provisioning.demo.stage:set_stage",
        ),
        "the demo begins in a new folder each time",
    ),
    "provisioning.centre.consume:_hand_on": "a cursor behind flushed lines: an old one gives them again",
    "provisioning.centre.publish:_run": "a cursor behind acknowledged lines: an old one gives them again",
    "provisioning.terminal.exits:write_or_fail": "the wrapper that the rows above go through",
}
"""Writers through disk/files.py that have no row, and why."""
RAW: Final = {
    "disk.help_page:HelpFormatter.write_text": "write_text: click's own, a paragraph of a page of help",
    "disk.streams:_LastWord.end": "os.open: /dev/null in place of an output that failed",
    "disk.streams:drop_output": "os.open: /dev/null in place of an output that failed",
    "disk.streams:fill_standard_streams": "os.open: /dev/null in place of a closed stream",
    "agent.sealing.key_slots:KeySlots.restart": "os.link: the old key file stays under a second name, whole",
    "agent.sealing.key_slots:KeySlots._open": "os.open: one descriptor for all sectors; write_at writes",
    "agent.sealing.rekey:_destroy": "open: overwrites a file in its place, to destroy it",
    "agent.spool.place:find_problem": "os.open: a folder, to look at it",
    "agent.spool.spool:Spool._guard": "os.ftruncate: cuts off a frame that was written in part",
    "agent.spool.spool:Spool._rewrite": "os.open, rename: memory, where no sync is and a kill alone strikes",
    "agent.spool.spool:_read": "os.open: to read, without following a link",
    "agent.store.ballast:Ballast.take": "os.open: a file without content, removed where it cannot be made",
    "centre.files.shelf:_hold": "os.open: a part; _append adds, and what a fault leaves is its beginning",
    "centre.enrolment.ledger:Ledger._append": "os.open: append_all writes; the ledger cuts what is torn",
    "centre.enrolment.ledger:Ledger._catch_up": "os.ftruncate: cuts off a torn line, under the lock",
    "centre.enrolment.ledger:Ledger.locked": "os.open: the lock, and an empty file where there is none",
    "centre.memory:Memory.write": "write_bytes: a cache; to sync each would make a stop slow",
    "disk.database:Database.mark_suspect": "touch: a mark without content",
    "disk.lock:Lock.__init__": "os.open: a lock without content",
    "drivers.link.transport:Pipe._write_some": "os.write: a serial port",
    "firmware_sim.server_ports:PtyPort._write": "os.write: a pseudo-terminal",
    "firmware_sim.server_ports:PtyPort.open": "symlink_to: the name of a pseudo-terminal",
    "drivers.clock:_map_hold": "open: eight bytes that the processes of a demo share; lost with it",
    "provisioning.demo.ending:show_evidence": "write_bytes: the pack with a changed byte, for one check",
    "provisioning.demo.verb:make_folder": "touch: the folder takes files",
    "provisioning.terminal.ending:_explain_internal": "fdopen: a traceback, in a new file of its own",
    "provisioning.demo.broker:Broker.__init__": "open: the log of a process",
    "provisioning.demo.parts:Part.start": "open: the log of a process",
    "provisioning.enrolment.identity:Identity.install": "symlink_to: a new link, which move puts in place",
    "provisioning.meters.holder:is_port_free": "os.open: a serial port, to try its lock",
    "provisioning.meters.bus_option:open_record": "open: a stream of lines; write_all writes each",
}
"""Where something else than disk/ writes, makes or renames a file, and why."""
