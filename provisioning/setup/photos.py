"""Step `photos`: photos by path and SHA-256, and the numbers of the meter seals.

A photo stays where it is; only its hash is recorded. One that is missing or too large is reported in one
line; at the keyboard the path is asked again.
"""

import contextlib
import os
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

from attrs import evolve

from provisioning.journal.entries import Photo
from provisioning.setup.confirm import is_logger, place_of
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError, check_text
from provisioning.setup.walk import BackError, walk
from provisioning.terminal.typed import split_list

PHOTO_MB_MAX: Final = 64
"""A phone's photo has 3 to 15 MB; a larger file is probably a video."""
BYTES_PER_MB: Final = 1_000_000
CHUNK_BYTES: Final = 1 << 20
PHOTOS_MAX: Final = 500
SEALS_MAX: Final = 8
"""Meter seals of one meter: terminal cover, case, transformer boxes."""


def photos(session: Session) -> None:
    """Take photos and meter seal numbers, from the answers or the keyboard."""
    for index, given in enumerate(session.answers.photo[:PHOTOS_MAX]):
        try:
            photo = hash_photo(session.folder, given.path)
        except WrongAnswerError as error:
            session.talk.refuse(f"photo[{index}].path", error.key, **error.values)
        meter = _find_meter(session, given.meter)
        if given.meter is not None and meter is None:
            known = ", ".join(one.id for one in session.journal.meters)
            session.talk.refuse(f"photo[{index}].meter", "no_such_meter", typed=given.meter, known=known)
        _keep(session, evolve(photo, what=given.what, meter=meter))
    walk(
        session.talk,
        *(() if session.talk.assume_yes else (partial(_ask_photo, session),)),
        *(
            partial(_ask_seal_numbers, session, one.id)
            for one in session.journal.meters
            if not is_logger(session, one)
        ),
    )
    session.done("photos")


def hash_photo(folder: Path, typed: str) -> Photo:
    """The photo at the typed path, else at that path below the setup's folder.

    Raises:
        WrongAnswerError: It is missing, or not a photo.
    """
    path = Path(typed).expanduser()
    if not path.is_absolute():
        path = path.absolute() if path.exists() else folder / path
    digest = sha256()
    size = 0
    try:
        if not path.exists():
            raise WrongAnswerError("no_file", path=typed)
        if not path.is_file():
            raise WrongAnswerError("unreadable", path=typed, why="is no file")
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                size += len(chunk)
                if size > PHOTO_MB_MAX * BYTES_PER_MB:
                    raise WrongAnswerError("too_large", path=typed, limit=PHOTO_MB_MAX)
                digest.update(chunk)
    except (OSError, ValueError) as error:  # a null byte in a path is a ValueError
        if isinstance(error, WrongAnswerError):
            raise
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise WrongAnswerError("unreadable", path=typed, why=why) from error
    inside = path.is_relative_to(folder)
    return Photo(os.fspath(path.relative_to(folder) if inside else path), digest.hexdigest())


def _ask_photo(session: Session) -> None:
    talk = session.talk
    while len(session.journal.photos) < PHOTOS_MAX:
        photo = talk.ask(
            "photo",
            "ask_photo",
            lambda typed: hash_photo(session.folder, typed) if typed else None,
            default="",
            free=True,
        )
        if photo is None:
            return
        with contextlib.suppress(BackError):  # from the first of them: to the path of a photo
            walk(talk, partial(_ask_what, session, photo), partial(_ask_whose, session, photo.path))
            talk.say("photo_kept", style="dim", path=photo.path, sha256=photo.sha256)


def _ask_what(session: Session, photo: Photo) -> None:
    known = next((one.what for one in session.journal.photos if one.path == photo.path), "")
    _keep(session, evolve(photo, what=session.talk.ask_text("photo.what", "ask_photo_what", default=known)))


def _ask_whose(session: Session, path: str) -> None:
    photo = next(one for one in session.journal.photos if one.path == path)
    meter = session.talk.ask(
        "photo.meter", "ask_photo_meter", lambda typed: _check_meter(session, typed), default="-"
    )
    _keep(session, evolve(photo, meter=meter))


def _keep(session: Session, photo: Photo) -> None:
    """Keep a photo; the same photo again replaces it."""
    others = tuple(one for one in session.journal.photos if one.path != photo.path)
    session.keep(photos=(*others, photo))
    session.talk.event("photo", path=photo.path, sha256=photo.sha256, meter=photo.meter)


def _find_meter(session: Session, typed: str | None) -> str | None:
    return next((one.id for one in session.journal.meters if typed in {one.id, place_of(one)}), None)


def _check_meter(session: Session, typed: str) -> str | None:
    if typed == "-":
        return None
    meter = _find_meter(session, typed)
    if meter is None:
        known = ", ".join(one.id for one in session.journal.meters)
        raise WrongAnswerError("no_such_meter", typed=typed, known=known)
    return meter


def _ask_seal_numbers(session: Session, meter_id: str) -> None:
    meter = session.find_meter(meter_id)
    path, given = session.answers.meter_at(meter.id, place_of(meter))
    before = " ".join(meter.seal_numbers) or "-"
    numbers = session.talk.ask(
        f"{path}.seal_numbers",
        "ask_seals",
        _check_numbers,
        default=before,
        given=None if given.seal_numbers is None else " ".join(given.seal_numbers) or "-",
        meter=meter.id,
        place=place_of(meter),
    )
    if numbers != meter.seal_numbers:
        session.keep_meter(evolve(meter, seal_numbers=numbers))


def _check_numbers(typed: str) -> tuple[str, ...]:
    if typed in {"-", ""}:
        return ()
    numbers = tuple(split_list(check_text(typed)))
    if len(numbers) > SEALS_MAX:
        raise WrongAnswerError("too_many_seals", limit=SEALS_MAX)
    return numbers
