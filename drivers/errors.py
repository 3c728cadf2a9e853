"""Errors of the meter side, by whose fault they are.

- The author of a file: ModelError, BusUrlError.
- The installation (port, cable, network): BusDownError.
- The meter: ReplyTimeoutError (silent), ExceptionReplyError (it refused), ReplyError (its answer cannot be
  trusted).
"""


class DriverError(Exception):
    """Anything that goes wrong between the gateway and its meters."""


class ModelError(DriverError):
    """A meter model file is wrong; `problems` has one line per mistake, each with its place."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def refuse(problems: list[str], place: str) -> None:
    """Raise the problems found in a model, if any.

    Raises:
        ModelError: `problems` is not empty.
    """
    if problems:
        raise ModelError(tuple(f"{place}: {problem}" for problem in problems))


class BusUrlError(DriverError):
    """A bus URL in the site file cannot be understood."""


class BusDownError(DriverError):
    """The port cannot be opened or the connection was lost: it affects all meters of the bus."""


class HungUpError(BusDownError):
    """The other side of a TCP connection closed it. A new one mostly works, so this alone is no bus down."""


class ReplyTimeoutError(DriverError):
    """The meter did not answer within the time-out."""


class TooEarlyError(ReplyTimeoutError):
    """Nothing was sent: for `wait_s` more an earlier answer may come that could be taken for this one."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"not asked: an earlier answer may come for {wait_s:.1f} s more")
        self.wait_s = wait_s


class ReplyError(DriverError):
    """An answer came but is not the answer to the request: wrong unit, function, count or bytes."""


class ExceptionReplyError(DriverError):
    """The meter answered with a Modbus exception (Modbus Application Protocol V1.1b3, section 7)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code
