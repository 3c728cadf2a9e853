"""Growing pauses between tries, time-outs that double, and a byte budget. None reads a clock of its own."""

from attrs import define, field


@define(eq=False, repr=False)
class Backoff:
    """A pause that doubles with every failure, from `first_s` to `longest_s`."""

    first_s: float
    longest_s: float
    _next_s: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._next_s = self.first_s

    def fail(self) -> float:
        """The pause to make now."""
        pause_s = self._next_s
        self._next_s = min(pause_s * 2, self.longest_s)
        return pause_s

    def succeed(self) -> None:
        """Start again from the shortest pause."""
        self._next_s = self.first_s

    @property
    def next_s(self) -> float:
        """The pause after the next failure."""
        return self._next_s


@define(eq=False, repr=False)
class Patience:
    """A time-out for answers, which doubles each time it expires.

    `out`: it has expired, and there was no progress since.
    """

    pause: Backoff
    out: bool = False
    _since_s: float | None = field(init=False, default=None)

    def sent(self, now_s: float) -> None:
        """A message went out that must be answered."""
        if self._since_s is None:
            self._since_s = now_s

    def progress(self, now_s: float, *, more: bool) -> None:
        """An answer arrived; `more`: others are still awaited."""
        self.out = False
        self.pause.succeed()
        self._since_s = now_s if more else None

    def forget(self) -> None:
        """What was sent will be sent again; the time-out begins with that."""
        self._since_s = None

    def expire(self, now_s: float) -> bool:
        """Whether the time-out has expired just now."""
        if self._since_s is None or now_s - self._since_s < self.pause.next_s:
            return False
        self.pause.fail()
        self.out = True
        self._since_s = None
        return True


@define(eq=False, repr=False)
class Budget:
    """Bytes that may be sent: refilled at `bytes_per_s`, never above what one second brings.

    A message larger than what is left may still go while anything is left, and leaves a debt: so a
    body larger than a second's worth is slow, not stuck.
    """

    bytes_per_s: float
    _left: float = field(init=False)
    _at_s: float | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._left = self.bytes_per_s

    def is_open(self, now_s: float) -> bool:
        """Whether another message may go now."""
        if self._at_s is not None:
            refill = max(now_s - self._at_s, 0.0) * self.bytes_per_s
            self._left = min(self._left + refill, self.bytes_per_s)
        self._at_s = now_s
        return self._left > 0

    def spend(self, size: int) -> None:
        """Count a message that is sent."""
        self._left -= size
