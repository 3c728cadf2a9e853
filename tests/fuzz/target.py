"""What a fuzz target is: one decoder, fed with bytes, and what must hold whatever they are.

`run` returns for every input. It lets the decoder's documented error pass and nothing else; and where
the decoder accepts, it asks more: the value encodes to the same bytes (so nothing has two forms), or
what was read is bounded. A failed assert and a stray exception are findings alike.
"""

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

CBOR: Final = "cbor"
JSON: Final = "json"
TOML: Final = "toml"

Run = Callable[[bytes], None]
Seeds = Callable[[], Sequence[bytes]]


@frozen
class Target:
    """One decoder.

    Attributes:
        seeds: Real messages to begin with, made by the code that sends them.
        bytes_max: Longest input that is tried: a little beyond what the decoder takes.
        form: CBOR, JSON or TOML, where changes of its items are worth more than those of its bytes.
    """

    name: str
    run: Run
    seeds: Seeds
    bytes_max: int = 4_096
    form: str = ""
