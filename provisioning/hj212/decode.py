"""`dianjian hj212 decode FILE`: the packets in a capture, a log or an exported chain, in words.

Of a chain each packet is told with its seal, analyser, time and quality. Elsewhere whatever stands between
packets is passed over and counted: a log has times and names there. Ends with 1 if a packet was refused or
there is none.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click
from attrs import define

from drivers.hj212.crc import CrcKind
from drivers.hj212.decoding import Taken, decode
from drivers.hj212.oddity import PacketError, Wrong
from drivers.hj212.stream import Broken, Piece, Stream
from evidence.cbor import FormatError
from provisioning.hj212.explain import (
    explain_packet,
    explain_refusal,
    name_packet,
    packet_object,
    refusal_object,
)
from provisioning.hj212.sealed import SealedPacket, is_chain, list_sealed
from provisioning.hj212.words import WORDS
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate
from wire.platforms.credentials import CredentialsError, read_credentials

PIECE_BYTES: Final = 64 * 1024
"""Of a file in memory at once: a capture of months is read in pieces."""


@define
class _Counts:
    taken: int = 0
    odd: int = 0
    refused: int = 0
    noise: int = 0


@click.command("decode")
@click.option(
    "--credentials",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the password and SM4 keys of the host; mode 0600.",
)
@click.option(
    "--crc", type=click.Choice([kind.value for kind in CrcKind]), help="The check that is usual here."
)
@click.option("--json", "as_json", is_flag=True, help="An object a packet.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def decode_file(credentials: Path | None, crc: str | None, as_json: bool, file: Path) -> None:
    """Say what the packets of FILE, a capture, a log or an exported chain, are; passwords are not shown."""
    try:
        keys = () if credentials is None else read_credentials(credentials).keys
    except CredentialsError as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    counts, kind = _Counts(), CrcKind(crc or CrcKind.STANDARD)
    if is_chain(file):
        say(translate(WORDS["unproved"], file=file), err=True)
        try:
            for one in list_sealed(file):
                _tell_sealed(one, as_json=as_json)
                for piece in _pieces([one.raw]):
                    _tell(piece, keys, kind, counts, as_json=as_json)
        except FormatError as error:
            raise fail(EXIT_NO, f"{file}: {error}") from error
    else:
        with file.open("rb") as source:
            for piece in _pieces(iter(lambda: source.read(PIECE_BYTES), b"")):
                _tell(piece, keys, kind, counts, as_json=as_json)
    if not as_json:
        say(
            translate(
                WORDS["total"],
                taken=counts.taken,
                odd=counts.odd,
                refused=counts.refused,
                noise=counts.noise,
            )
        )
    if not counts.taken and not counts.refused:
        raise fail(EXIT_NO, translate(WORDS["nothing"], file=file))
    if counts.refused:
        raise click.exceptions.Exit(EXIT_NO)


def _pieces(data: Iterable[bytes]) -> Iterator[Piece]:
    stream = Stream()
    for part in data:
        yield from stream.feed(part)
    yield from stream.flush()


def _tell_sealed(one: SealedPacket, *, as_json: bool) -> None:
    """Where the packet that follows stands."""
    if as_json:
        told = {"seal": one.seal, "meter": one.meter, "at": one.at, "quality": one.quality.value}
        say_json(told | {"reason": one.reason})
        return
    why = f" ({one.reason})" if one.reason else ""
    text = WORDS["sealed"]
    say(translate(text, seal=one.seal, meter=one.meter, at=one.at, quality=one.quality.value, why=why))


def _tell(piece: Piece, keys: tuple[bytes, ...], crc: CrcKind, counts: _Counts, *, as_json: bool) -> None:
    if isinstance(piece, Broken):
        if piece.why is Wrong.NOISE:
            counts.noise += len(piece.raw)
        else:
            counts.refused += 1
            _tell_refused(piece, piece.place, as_json=as_json)
        return
    try:
        taken = decode(piece.raw, keys, expected=crc)
    except PacketError as error:
        counts.refused += 1
        _tell_refused(error, piece.place + error.place, as_json=as_json)
        return
    counts.taken += 1
    counts.odd += bool(taken.oddities)
    _tell_taken(taken, piece.place, as_json=as_json)


def _tell_refused(error: PacketError | Broken, place: int, *, as_json: bool) -> None:
    if as_json:
        say_json(refusal_object(error, place))
    else:
        say(translate(WORDS["refused"], place=place, why=explain_refusal(error)))


def _tell_taken(taken: Taken, place: int, *, as_json: bool) -> None:
    if as_json:
        say_json(packet_object(taken, place))
    else:
        say(translate(WORDS["packet"], place=place, text=name_packet(taken)), *explain_packet(taken))
