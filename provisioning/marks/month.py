"""A month of the plant's clock."""

from datetime import UTC, datetime

from attrs import frozen


@frozen
class Month:
    """A month of the plant's clock, UTC seconds: from `begin_s` to before `end_s`."""

    name: str
    begin_s: int
    end_s: int


def parse_month(text: str, offset_s: int) -> Month:
    """The month YYYY-MM; raises ValueError."""
    begin = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    after = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return Month(f"{begin:%Y-%m}", int(begin.timestamp()) - offset_s, int(after.timestamp()) - offset_s)
