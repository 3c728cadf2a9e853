"""What a platform's command is answered with. Pure.

Only who names the site's MN and password is answered with more than a refusal. The clock is never set (1012):
the machine's own time service does that, and readings are evidence. What is measured, and how often, is the
host file's; a command that would change it is refused. The MN (1001, 1002) and the key (1014) are the
platform's to give, and kept before it is told that they were taken.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from drivers.hj212.numbers import UPLOADS, Command, ExecutionResult, RequestResult
from drivers.hj212.packet import FORMS, Packet
from drivers.hj212.sm4 import read_key
from drivers.hj212.times import MS_DIGITS, read_time, write_time
from wire.hj212.acts import Act, AskHistory, AssignMn, Event, RenewKey, Tell
from wire.hj212.terms import Terms

MN_ITEM: Final = "i23005-Info"
"""The item that assigns an MN (HJ 212-2025)."""
HISTORIES: Final = UPLOADS - {Command.STARTED}


@frozen
class Reply:
    """How a command is answered.

    Attributes:
        execution: The last packet; None if the history is to come first, or there is none.
        region: Data that are sent in between, under the command's own number; None for none.
        acts: What is done before the last packet is sent.
    """

    request: RequestResult
    execution: ExecutionResult | None = None
    region: str | None = None
    acts: tuple[Act, ...] = ()


@frozen
class Site:
    """Who is asked, and when."""

    mn: str
    pw: str
    utc_ms: int
    terms: Terms


DONE: Final = Reply(RequestResult.WILL_BE_DONE, ExecutionResult.DONE)


def answer_command(packet: Packet, site: Site) -> Reply:
    """The answer to a command."""
    if packet.mn != site.mn:
        return Reply(RequestResult.WRONG_MN, acts=(Tell(Event.STRANGER, f"MN={packet.mn}"),))
    if packet.pw != site.pw:
        return Reply(RequestResult.WRONG_PW, acts=(Tell(Event.STRANGER, "PW"),))
    if read_time(packet.qn) is None or len(packet.qn) != MS_DIGITS:
        return Reply(RequestResult.WRONG_QN)
    if packet.cn in HISTORIES:
        return _give_history(packet, site)
    react = _REACTIONS.get(packet.cn)
    if react is not None:
        return react(packet, site)
    is_known = packet.cn in set(Command)
    result = RequestResult.REFUSED if is_known or packet.cn.startswith("3") else RequestResult.WRONG_CN
    return Reply(result, acts=(Tell(Event.COMMAND_REFUSED, packet.cn),))


def _give_history(packet: Packet, site: Site) -> Reply:
    begin, end = packet.find("BeginTime"), packet.find("EndTime")
    if not begin and not end:
        live = packet.cn in {Command.REAL, Command.STATES}  # these are sent in any case
        return DONE if live else Reply(RequestResult.WILL_BE_DONE, ExecutionResult.WRONG_CONDITIONS)
    begin_ms, end_ms = (read_time(text, site.terms.offset_h) for text in (begin, end))
    if begin_ms is None or end_ms is None or begin_ms > end_ms:
        return Reply(RequestResult.WILL_BE_DONE, ExecutionResult.WRONG_CONDITIONS)
    ask = AskHistory(packet.qn, packet.st, packet.cn, begin_ms, end_ms)
    return Reply(RequestResult.WILL_BE_DONE, acts=(ask,))


def _refuse_clock(packet: Packet, _: Site) -> Reply:
    wanted = packet.find("SystemTime") or packet.region
    return Reply(
        RequestResult.REFUSED,
        ExecutionResult.FAILED,
        acts=(Tell(Event.CLOCK, wanted), Tell(Event.COMMAND_REFUSED, packet.cn)),
    )


def _tell_clock(packet: Packet, site: Site) -> Reply:
    return _give(_with_subject(packet, f"SystemTime={write_time(site.utc_ms, site.terms.offset_h)}"))


def _with_subject(packet: Packet, item: str) -> str:
    """The item, with the subject of the request if it has one (2017)."""
    subject = packet.find("PolId")
    return f"PolId={subject};{item}" if re.fullmatch(r"[A-Za-z0-9]{1,20}", subject) else item


def _tell_mn(_: Packet, site: Site) -> Reply:
    return _give(f"{MN_ITEM}={site.mn}")


def _take_mn(packet: Packet, _: Site) -> Reply:
    mn = packet.find(MN_ITEM)
    if not FORMS["MN"].fullmatch(mn):
        return Reply(RequestResult.WILL_BE_DONE, ExecutionResult.WRONG_CONDITIONS)
    acts = (AssignMn(mn), Tell(Event.MN_ASSIGNED, mn))
    return Reply(RequestResult.WILL_BE_DONE, ExecutionResult.DONE, acts=acts)


def _take_key(packet: Packet, _: Site) -> Reply:
    """The name of the key's item was not found in what we have of the standard: any item that holds a key."""
    keys = [key for _, value in packet.items() if (key := read_key(value)) is not None]
    if len(keys) != 1:
        return Reply(RequestResult.WILL_BE_DONE, ExecutionResult.WRONG_CONDITIONS)
    acts = (RenewKey(keys[0]), Tell(Event.KEY_RENEWED))
    return Reply(RequestResult.WILL_BE_DONE, ExecutionResult.DONE, acts=acts)


def _tell_real_interval(_: Packet, site: Site) -> Reply:
    return _give(f"RtdInterval={site.terms.real_s}")


def _tell_minute_interval(_: Packet, site: Site) -> Reply:
    return _give(f"MinInterval={site.terms.minute_min}")


def _give(region: str) -> Reply:
    return Reply(RequestResult.WILL_BE_DONE, ExecutionResult.DONE, region)


_REACTIONS: Final[Mapping[str, Callable[[Packet, Site], Reply]]] = {
    Command.SET_CLOCK: _refuse_clock,
    Command.READ_CLOCK: _tell_clock,
    Command.READ_MN: _tell_mn,
    Command.ASSIGN_MN: _take_mn,
    Command.RENEW_KEY: _take_key,
    Command.READ_REAL_INTERVAL: _tell_real_interval,
    Command.READ_MINUTE_INTERVAL: _tell_minute_interval,
}
