"""Decodes the packets of HJ 212 in a reading by the items that a model names.

A packet is text, so nothing depends on its shape: each is read anew by `drivers.hj212.decoding`. A block
whose bytes are no packet, are encrypted with none of the keys at hand, or have another CN than the block
says, gives no value. Of an item that stands in several packets of a reading, the first counts.
"""

from collections.abc import Iterable, Sequence

from drivers.hj212.oddity import PacketError
from drivers.hj212.packet import FUNCTION, Packet
from drivers.points.point import Point
from drivers.points.registers import Value
from drivers.reading import Block


def decode_items(
    points: Iterable[Point], blocks: Sequence[Block], keys: Sequence[bytes] = ()
) -> dict[str, Value]:
    """By point name, in the order of the points; without those that hold no value."""
    items: dict[tuple[int, str], str] = {}
    for block in blocks:
        packet = read_packet(block, keys)
        for name, said in () if packet is None else packet.items():
            items.setdefault((block.address, name), said)
    values: dict[str, Value] = {}
    for point in points:
        text = items.get((point.address, point.item))
        value = None if text is None else point.decode(text.encode())
        if value is not None:
            values[point.name] = value
    return values


def read_packet(block: Block, keys: Sequence[bytes] = ()) -> Packet | None:
    """The packet in a block, None if there is none."""
    from drivers.hj212.decoding import decode  # noqa: PLC0415 - with its cipher, which few gateways need

    if block.function != FUNCTION:
        return None
    try:
        packet = decode(block.words, keys).packet
    except PacketError:
        return None
    return packet if int(packet.cn) == block.address else None
