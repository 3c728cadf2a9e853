"""`dianjian verify` on an exported ledger of clues: offline, with only the root's public key."""

from pathlib import Path
from typing import Any, Final

from disk.translation import translate_message
from evidence.cbor import FormatError
from evidence.clues.check import Checked, check_ledger
from evidence.clues.file import FILE_BYTES_MAX, MAGIC, decode_clues
from evidence.moments import iso_utc
from evidence.orders.trust import Trust
from evidence.words import Words
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

WORDS: Final = {
    "no key": Words(
        "线索台账用根公钥核验：请给出 --centre-key",
        "a ledger of clues is checked with the root's key: give --centre-key",
    ),
    "too large": Words(
        "{file}：超过 {limit} 字节，不是线索台账", "{file}: more than {limit} bytes; no ledger is that large"
    ),
    "other root": Words(
        "{file}：该台账属于另一个根公钥 {root}", "{file}: is a ledger under another root, {root}"
    ),
    "counts": Words("线索台账：{steps} 步，{clues} 条线索", "ledger of clues: {steps} steps, {clues} clues"),
    "end": Words(
        "止于第{seq}步，由 {officer} 于 {at} 签字", "it ends with step {seq}, as {officer} signed at {at}"
    ),
    "no end": Words(
        "没有签字的结尾：最后若干步可能已被删去", "nobody signed its end: last steps may have been cut off"
    ),
    "good": Words("结论：成立；最后一步 {tip}", "verdict: good; last step {tip}"),
    "bad": Words("结论：不成立；最后一步 {tip}", "verdict: NOT GOOD; last step {tip}"),
}


def is_clues(file: Path) -> bool:
    """Whether `file` begins as an exported ledger of clues does."""
    try:
        with file.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error


def verify_clues(file: Path, root: bytes | None, *, as_json: bool) -> None:
    """Print what is wrong with the ledger, item by item; exits with 1 if anything is, or if it has no end."""
    if root is None:
        raise fail(EXIT_USAGE, translate(WORDS["no key"]))
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise fail(EXIT_NO, translate(WORDS["too large"], file=file, limit=FILE_BYTES_MAX))
        exported = decode_clues(file.read_bytes())
    except OSError as error:
        raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error
    except FormatError as error:
        raise fail(EXIT_NO, f"{file}: {error}") from error
    if exported.root != root:
        raise fail(EXIT_NO, translate(WORDS["other root"], file=file, root=exported.root.hex()))
    checked = check_ledger(exported.steps, exported.end, Trust(root, list(exported.statements)))
    is_good = checked.ok and checked.end is not None
    if as_json:
        say_json({"ok": is_good, **_to_plain(checked)})
    else:
        _tell(checked, is_good=is_good)
    if not is_good:
        raise fail(EXIT_NO, *(f"{file}: {translate_message(one.text)}" for one in checked.wrong))


def _tell(checked: Checked, *, is_good: bool) -> None:
    ledger, end = checked.ledger, checked.end
    say(translate(WORDS["counts"], steps=len(ledger.steps), clues=len(ledger.clues)))
    if end is None:
        say(translate(WORDS["no end"]))
    else:
        say(translate(WORDS["end"], seq=end.seq, officer=end.officer, at=iso_utc(end.utc_ms)))
    say(translate(WORDS["good" if is_good else "bad"], tip=ledger.hash.hex()))


def _to_plain(checked: Checked) -> dict[str, Any]:
    ledger, end = checked.ledger, checked.end
    wrong = [
        {"fault": one.fault.value, "item": one.at, "step": one.seq or None, "text": one.text}
        for one in checked.wrong
    ]
    clues = [
        {
            "clue": name,
            "stage": one.stage.name.lower(),
            "closed": one.closed,
            "outcome": None if one.outcome is None else one.outcome.value,
            **one.opening.to_body(),
        }
        for name, one in ledger.clues.items()
    ]
    told = None if end is None else {"step": end.seq, "officer": end.officer, "at": iso_utc(end.utc_ms)}
    return {"steps": len(ledger.steps), "tip": ledger.hash.hex(), "end": told, "clues": clues, "wrong": wrong}
