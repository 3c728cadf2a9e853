"""Steps of clues and the end of a ledger, signed whatever is in them; whole ledgers in any order."""

from contextlib import suppress
from typing import Final

from evidence import cbor, cose, keys
from evidence.cbor import FormatError
from evidence.clues.check import check_ledger
from evidence.clues.file import Exported, decode_clues, encode_clues
from evidence.clues.step import END_DOMAIN, STEP_DOMAIN, open_end, parse_step, sign_end, sign_step
from tests.evidence.clues import ledgers
from tests.evidence.orders import made
from tests.fuzz.target import CBOR, Target


def run_step(raw: bytes) -> None:
    """A step is what its bytes say, and the check of a ledger takes any."""
    whole = cose.sign1(raw, ledgers.WANG, STEP_DOMAIN)
    with suppress(FormatError):
        assert sign_step(parse_step(whole).step, ledgers.WANG) == whole
    check_ledger([whole, whole], None, ledgers.trust())


def run_end(raw: bytes) -> None:
    with suppress(FormatError):
        whole = cose.sign1(raw, ledgers.WANG, END_DOMAIN)
        assert sign_end(open_end(whole), ledgers.WANG) == whole


def run_file(raw: bytes) -> None:
    with suppress(FormatError):
        read = decode_clues(raw)
        assert encode_clues(read) == raw
        checked = check_ledger(read.steps, read.end, ledgers.trust())
        assert checked.ok or checked.wrong


def _payload(raw: bytes) -> bytes:
    return cose.parse(raw, 20_000).payload


def _whole() -> ledgers.Writer:
    writer = ledgers.Writer()
    writer.course()
    return writer


def _files() -> list[bytes]:
    writer = _whole()
    one = Exported(keys.public(made.ROOT), ledgers.STATEMENTS, tuple(writer.raws), writer.end())
    return [encode_clues(one), cbor.encode(["dianjian clues", 1, keys.public(made.ROOT), [], [], None])]


TARGETS: Final = (
    Target("clue_step", run_step, lambda: list(map(_payload, _whole().raws)), 20_000, CBOR),
    Target("clue_end", run_end, lambda: [_payload(_whole().end())], 600, CBOR),
    Target("clues_file", run_file, _files, 30_000, CBOR),
)
