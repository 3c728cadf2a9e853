"""Frames of answers, right or wrong, as meters send them: golden frames and tests need both."""

from drivers.dlt645.codec import to_frame as to_dlt645_frame
from drivers.link.verdict import EXCEPTION_BIT, Framing, Request
from drivers.modbus.frame import to_frame


def encode_reply(framing: Framing, request: Request, words: bytes, transaction_id: int = 0) -> bytes:
    """The Modbus frame of an answer that carries `words`."""
    adu = bytes((request.unit_id, request.function, len(words))) + words
    return to_frame(framing, adu, transaction_id)


def encode_exception(framing: Framing, request: Request, code: int, transaction_id: int = 0) -> bytes:
    """The Modbus frame of a refusal."""
    adu = bytes((request.unit_id, request.function | EXCEPTION_BIT, code))
    return to_frame(framing, adu, transaction_id)


def encode_answer(address: str, data_id: int, data: bytes) -> bytes:
    """The DL/T 645 frame of an answer."""
    return to_dlt645_frame(address, 0x91, data_id.to_bytes(4, "little") + data)


def encode_refusal(address: str, code: int) -> bytes:
    """The DL/T 645 frame of a refusal."""
    return to_dlt645_frame(address, 0xD1, bytes((code,)))
