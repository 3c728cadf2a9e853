"""`dianjian hj212 listen ADDRESS:PORT`: which data loggers call, in words, and the tables of the site file.

Nothing is answered, so a logger keeps what it has and sends it again to the agent: this verb is for the time
before that has the port. At the end each MN that sent real time data is told with the model that fits its
items, its interval, and the tables of the site file. Ends with 1 if none did, with 3 without the port.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from agent.site.field_types import ADDRESS
from drivers.errors import BusDownError, BusUrlError
from drivers.hj212.decoding import Taken
from drivers.link.bus_url import LISTEN_SCHEME, parse_url
from provisioning.hj212.explain import (
    explain_packet,
    explain_refusal,
    name_packet,
    packet_object,
    refusal_object,
)
from provisioning.hj212.hearing import Heard, Hearing, Logger
from provisioning.hj212.words import WORDS
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate
from wire.platforms.credentials import CredentialsError, read_credentials

SCHEME: Final = f"{LISTEN_SCHEME}://"


@click.command("listen")
@click.argument("place", metavar="ADDRESS:PORT")
@click.option(
    "--seconds", type=click.IntRange(1, 3_600), default=120, show_default=True, help="How long it listens."
)
@click.option("--count", type=click.IntRange(0), default=0, help="End after so many packets; 0 for all.")
@click.option(
    "--credentials",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the key of a logger that encrypts; mode 0600.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="An object a packet, and at the end one for each logger."
)
def listen(place: str, seconds: int, count: int, credentials: Path | None, as_json: bool) -> None:
    """Show which data loggers call at a port of this machine, and what to write into the site file."""
    try:
        listener = parse_url(f"{SCHEME}{place}").listener
        keys = () if credentials is None else read_credentials(credentials).keys
    except BusUrlError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except CredentialsError as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    assert listener is not None
    hearing = Hearing(listener, keys)
    try:
        listener.open()
        _tell_all(hearing, seconds, count, as_json=as_json)
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, str(error)) from error
    finally:
        listener.close()
    found = {mn: one for mn, one in hearing.loggers.items() if ADDRESS.fullmatch(mn)}
    if not found:
        raise fail(EXIT_NO, translate(WORDS["nobody"], place=place, seconds=seconds))
    for mn, one in found.items():
        row = {"mn": mn, "model": one.find_model(), "every_s": one.every_s, "items": sorted(one.items)}
        if as_json:
            say_json(row)
    if not as_json:
        say(translate(WORDS["write"]), "", *_write_tables(place, found))


def _write_tables(place: str, found: Mapping[str, Logger]) -> Iterator[str]:
    """The tables of the site file."""
    yield from ("[[bus]]", 'id = "loggers"', f'url = "{SCHEME}{place}"')
    for number, (mn, one) in enumerate(found.items(), start=1):
        yield from ("", "[[meter]]", f'id = "cems{number}"', 'bus = "loggers"')
        yield f'model = "{one.find_model()}"' if one.find_model() else f"# {translate(WORDS['own model'])}"
        yield from (f'address = "{mn}"', f"fast_s = {one.every_s}")


def _tell_all(hearing: Hearing, seconds: float, count: int, *, as_json: bool) -> None:
    """Show what comes until the time is over, or so many pieces have come; raises BusDownError."""
    told = 0
    for heard in hearing.listen(seconds):
        if heard is not None:
            _tell(heard, as_json=as_json)
            told += 1
        if 0 < count <= told:
            return


def _tell(heard: Heard, *, as_json: bool) -> None:
    what = heard.what
    if isinstance(what, Taken):
        if as_json:
            say_json({"host": heard.host, **packet_object(what, heard.place)})
        else:
            say(translate(WORDS["event"], where=heard.host, text=name_packet(what)), *explain_packet(what))
    elif as_json:
        say_json({"host": heard.host, **refusal_object(what, heard.place)})
    else:
        why = translate(WORDS["refused"], place=heard.place, why=explain_refusal(what))
        say(translate(WORDS["event"], where=heard.host, text=why))
