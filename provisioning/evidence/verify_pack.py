"""`dianjian verify` on an evidence pack: offline, with only the centre's public key."""

from pathlib import Path

from disk.translation import translate_message
from evidence.pack.container import CONTAINER_BYTES_MAX, MAGIC
from provisioning.evidence.check import check
from provisioning.evidence.page import draw_evidence_page
from provisioning.evidence.words import lines, summary
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.say import say, say_json


def is_pack(file: Path) -> bool:
    """Whether `file` is to be checked as a pack: by its name, or by what it begins with."""
    try:
        with file.open("rb") as stream:
            return file.suffix == ".zip" or stream.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error


def verify_pack(
    file: Path, centre_key: bytes | None, first_key: bytes | None, html: Path | None, *, as_json: bool
) -> None:
    """Print the verdict on the pack and redraw its page into `html`; exits with 1 if it is not valid."""
    if centre_key is None:
        raise fail(EXIT_USAGE, "an evidence pack is checked with the centre's public key: give --centre-key")
    try:
        if file.stat().st_size > CONTAINER_BYTES_MAX:
            raise fail(EXIT_NO, f"{file}: more than {CONTAINER_BYTES_MAX} bytes; no pack is that large")
        raw = file.read_bytes()
    except OSError as error:
        raise fail(EXIT_USAGE, f"{file}: {error.strerror}") from error
    checked = check(raw, centre_key, first_key)
    if as_json:
        say_json(summary(checked, raw))
    else:
        say(*map(translate_message, lines(checked, raw)))
    if html is not None and checked.story is not None:
        write_or_fail(html, draw_evidence_page(checked.story))
    if not checked.ok:
        raise fail(EXIT_NO, *(f"{file}: {problem}" for problem in checked.problems))
