"""Packets that are too long for one: cut between groups, and joined again. Pure.

Each part begins with the DataTime of the whole, so that it says what it is by itself; a repeated DataTime is
dropped when parts are joined. What waits for parts is bounded in number and in time.
"""

from typing import Final

from attrs import define, evolve, field, frozen

from drivers.hj212.encoding import write_head
from drivers.hj212.oddity import EncodeError, PacketError, Wrong
from drivers.hj212.packet import (
    DATA_TIME,
    PARTS_MAX,
    REGION_CHARACTERS_MAX,
    SEGMENT_CHARACTERS_MAX,
    Packet,
    read_group,
)
from drivers.hj212.stream import CLOSE, OPEN

WAITING_MAX: Final = 16
"""Packets whose parts are awaited at once; one sender sends one after the other."""
WAIT_S: Final = 60.0
"""Three times the time-outs of a command: whoever has not sent a part by then begins anew."""
JOINED_CHARACTERS_MAX: Final = 64 * 1024
"""Of a joined region; by the standard there are 9 parts of 950."""
JOINED_PARTS_MAX: Final = 999


def split_region(region: str, limit: int) -> list[str]:
    """The regions of the parts; raises EncodeError if a group or the whole is too long."""
    groups = region.split(";")
    head = groups.pop(0) if groups[0].startswith(f"{DATA_TIME}=") else ""
    parts: list[str] = []
    part = head
    for group in groups:
        longer = f"{part};{group}" if part else group
        if len(longer) > limit and part != head:
            parts.append(part)
            longer = f"{head};{group}" if head else group
        if len(longer) > limit:
            raise EncodeError(f"a group of {len(group)} characters fits into no packet")
        part = longer
    parts.append(part)
    if len(parts) > PARTS_MAX:
        raise EncodeError(f"{len(parts)} parts; at most {PARTS_MAX}")
    return parts


def split(packet: Packet) -> list[Packet]:
    """The packets that carry this one; raises EncodeError."""
    if packet.flag is None or len(packet.region) <= _leave(packet):
        return [packet]
    flag = evolve(packet.flag, is_part=True)
    widest = evolve(packet, flag=flag, pnum=PARTS_MAX, pno=PARTS_MAX)
    regions = split_region(packet.region, _leave(widest))
    return [
        evolve(packet, flag=flag, pnum=len(regions), pno=at, region=region)
        for at, region in enumerate(regions, start=1)
    ]


def _leave(packet: Packet) -> int:
    """Characters that the head of a packet leaves for its region."""
    around = len(write_head(packet)) + len(OPEN) + len(CLOSE)
    return min(REGION_CHARACTERS_MAX, SEGMENT_CHARACTERS_MAX - around)


@frozen
class _Waiting:
    """Parts of one packet, by their number, since when the first came."""

    pnum: int
    since_s: float
    parts: dict[int, Packet] = field(factory=dict)


@define
class Joiner:
    """See the module."""

    _waiting: dict[tuple[str, ...], _Waiting] = field(init=False, factory=dict)

    def add(self, packet: Packet, now_s: float) -> Packet | None:
        """The whole packet if this completes it, or None; raises PacketError if parts contradict."""
        if packet.pnum is None or packet.pno is None or packet.pnum == 1:
            return packet
        if packet.pnum > JOINED_PARTS_MAX:
            raise PacketError(Wrong.PARTS, 0, f"{packet.pnum}")
        key = (packet.mn, packet.st, packet.cn, packet.qn)
        self._waiting = {name: one for name, one in self._waiting.items() if now_s - one.since_s < WAIT_S}
        known = self._waiting.get(key)
        if known is None:
            if len(self._waiting) >= WAITING_MAX:
                del self._waiting[min(self._waiting, key=lambda name: self._waiting[name].since_s)]
            known = self._waiting[key] = _Waiting(packet.pnum, now_s)
        before = known.parts.setdefault(packet.pno, packet)
        if known.pnum != packet.pnum or before.region != packet.region:
            del self._waiting[key]
            raise PacketError(Wrong.PARTS, 0, f"{packet.pno} / {packet.pnum}")
        if sum(len(part.region) for part in known.parts.values()) > JOINED_CHARACTERS_MAX:
            del self._waiting[key]
            raise PacketError(Wrong.PARTS, 0, f"{JOINED_CHARACTERS_MAX}")
        if len(known.parts) < known.pnum:
            return None
        del self._waiting[key]
        return _join([known.parts[number] for number in sorted(known.parts)])


def _join(parts: list[Packet]) -> Packet:
    first = parts[0]
    groups = [group for part in parts for group in part.region.split(";")]
    head = groups[0] if read_group(groups[0])[:1] and read_group(groups[0])[0][0] == DATA_TIME else None
    rest = [group for group in groups[1:] if group != head and group]
    flag = None if first.flag is None else evolve(first.flag, is_part=False)
    return evolve(first, flag=flag, pnum=None, pno=None, region=";".join([groups[0], *rest]))
