"""A packet in words, for terminals and logs, and as an object for scripts. Pure; passwords are left out."""

from collections.abc import Mapping
from typing import Any

from drivers.hj212.decoding import Taken
from drivers.hj212.numbers import Command
from drivers.hj212.oddity import Oddity, PacketError
from drivers.hj212.packet import Packet, write_group
from drivers.hj212.stream import Broken
from drivers.points.model import Model
from drivers.reading import UNITS
from evidence.words import Words
from provisioning.hj212.words import COMMANDS, EXECUTION_RESULTS, MARKS, ODDITIES, REFUSALS, SYSTEMS, WORDS
from provisioning.words.language import translate
from provisioning.words.platforms import REQUEST_RESULTS
from provisioning.words.points import name_point

_RESULTS: Mapping[str, Mapping[str, Words]] = {"QnRtn": REQUEST_RESULTS, "ExeRtn": EXECUTION_RESULTS}


def name_packet(taken: Taken) -> str:
    """The head of a packet in a line."""
    packet = taken.packet
    more = []
    if packet.pnum is not None:
        more.append(translate(WORDS["part"], pno=packet.pno, pnum=packet.pnum))
    if packet.is_backfill:
        more.append(translate(WORDS["backfill"]))
    if packet.wants_answer:
        more.append(translate(WORDS["wants answer"]))
    if taken.form is not None:
        more.append(translate(WORDS["encrypted"], form=taken.form.value))
    absent = translate(WORDS["absent"])
    return translate(
        WORDS["head"],
        command=translate(COMMANDS.get(packet.cn, WORDS["unknown"])),
        cn=packet.cn,
        system=translate(SYSTEMS.get(packet.st, WORDS["unknown"])),
        st=packet.st or absent,
        mn=packet.mn or absent,
        qn=packet.qn or absent,
        more="".join(f" · {one}" for one in more),
    )


def explain_packet(taken: Taken) -> list[str]:
    """What stands in a packet below its head: a line a group, results in words, what is odd."""
    lines = []
    for group in taken.packet.groups:
        name, value = group[0]
        if len(group) == 1 and value in _RESULTS.get(name, {}):
            text = translate(_RESULTS[name][value])
            lines.append(translate(WORDS["result"], name=name, value=value, text=text))
        else:
            lines.append(translate(WORDS["item"], text=write_group(group)))
    if taken.packet.cn == Command.SET_CLOCK:
        lines.append(translate(WORDS["never obeyed"]))
    return [*lines, *(translate(WORDS["odd"], text=explain_oddity(one)) for one in taken.oddities)]


def explain_values(packet: Packet, model: Model) -> list[str]:
    """The values of a packet that a model has, by name, with unit and mark; other items as they stand."""
    points = {point.item: point.name for point in model.points}
    lines = []
    for group in packet.groups:
        items = dict(group)
        code, value = group[0]
        quantity = name_point(points.get(code, ""))
        if quantity is None:
            lines.append(translate(WORDS["item"], text=write_group(group)))
            continue
        letter = items.get(f"{code.partition('-')[0]}-Flag", "")
        known = translate(MARKS.get(letter, WORDS["unknown"]))
        unit = UNITS.get(model.point(points[code]).quantity, "")
        lines.append(
            translate(
                WORDS["value"],
                name=translate(quantity),
                value=value,
                unit=f" {unit}" if unit else "",
                code=code,
                mark=translate(WORDS["mark"], text=known, letter=letter) if letter else "",
            )
        )
    return lines


def explain_oddity(oddity: Oddity) -> str:
    """In words."""
    return translate(ODDITIES[oddity.what.value], detail=oddity.detail)


def explain_refusal(error: PacketError | Broken) -> str:
    """Why it was refused."""
    what = error.why if isinstance(error, Broken) else error.what
    return translate(REFUSALS[what.value], detail=error.detail or "-")


def packet_object(taken: Taken, place: int) -> dict[str, Any]:
    """A packet for scripts."""
    packet = taken.packet
    return {
        "place": place,
        "taken": True,
        **_head_object(packet),
        "region": [dict(group) for group in packet.groups],
        "crc": taken.crc.value,
        "encrypted": None if taken.form is None else taken.form.value,
        "odd": [
            {"what": one.what.value, "place": place + one.place, "detail": one.detail}
            for one in taken.oddities
        ],
    }


def _head_object(packet: Packet) -> dict[str, Any]:
    return {
        "qn": packet.qn,
        "st": packet.st,
        "cn": packet.cn,
        "mn": packet.mn,
        "flag": None if packet.flag is None else packet.flag.number,
        "pnum": packet.pnum,
        "pno": packet.pno,
        "backfill": packet.is_backfill,
    }


def refusal_object(error: PacketError | Broken, place: int) -> dict[str, Any]:
    """A packet that was refused, for scripts; `place` is a byte of the input."""
    what = error.why if isinstance(error, Broken) else error.what
    return {"place": place, "taken": False, "why": what.value, "detail": error.detail}
