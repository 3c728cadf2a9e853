"""A month of the plant's clock."""

from datetime import UTC, datetime
from typing import Final

from attrs import frozen

LATE_MS: Final = 86_400_000
"""A day: what an outage of the network kept back was sealed all the same, so this is for clocks alone."""
MS_PER_S: Final = 1_000


@frozen
class Month:
    """A month of the plant's clock, UTC seconds: from `begin_s` to before `end_s`."""

    name: str
    begin_s: int
    end_s: int

    @property
    def made_ms(self) -> int:
        """Seals that were made from then on say nothing of it, UTC ms."""
        return self.end_s * MS_PER_S + LATE_MS


def parse_month(text: str, offset_s: int) -> Month:
    """The month YYYY-MM; raises ValueError."""
    begin = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    after = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return Month(f"{begin:%Y-%m}", int(begin.timestamp()) - offset_s, int(after.timestamp()) - offset_s)
