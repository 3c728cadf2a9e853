"""What status says of deliveries: readings, not seals; and of packets, where their size matters."""

from typing import Any

import pytest

from provisioning.words.status import describe_backlog, describe_packets


def status(packets: dict[str, int] | None = None, **seals: int) -> dict[str, Any]:
    return {"seals": {"backlog": 0, **seals}, "broker": {"packets": packets}}


@pytest.mark.parametrize(
    ("seals", "said"),
    [
        ({"delivered": 120}, "readings up to 120  backlog 0"),
        (
            {"delivered": 118, "backlog": 2, "records_waiting": 402},
            "readings up to 118  backlog 2  (402 records)",
        ),
        ({"backlog": 7}, "backlog 7"),
    ],
    ids=["all of it", "some wait", "an agent of before"],
)
def test_the_backlog_is_of_readings(seals: dict[str, int], said: str) -> None:
    assert describe_backlog(status(**seals)).strip() == said


@pytest.mark.parametrize(
    ("packets", "said", "style"),
    [
        (None, None, None),
        ({"bytes_max": 131_072, "refused": 0, "smallest": 355}, None, None),
        ({"bytes_max": 4_096, "refused": 0, "smallest": 355}, "takes packets of 4096 bytes: larger", "dim"),
        ({"bytes_max": 2_750, "refused": 5_500, "smallest": 355}, "refused a packet of 5500", "dim"),
        ({"bytes_max": 300, "refused": 0, "smallest": 355}, "one seal needs 355", "bold red"),
    ],
    ids=["no limit", "a limit that does not matter", "named", "learned", "too small"],
)
def test_a_limit_of_packets_is_told_where_it_matters(
    packets: dict[str, int] | None, said: str | None, style: str | None
) -> None:
    told = describe_packets(status(packets))
    if told is None:
        assert said is None
    else:
        assert said is not None
        assert (said in told[0], told[1]) == (True, style)
