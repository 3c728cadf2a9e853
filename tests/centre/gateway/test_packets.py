"""What packets of HJ 212 cost is counted, so that no gateway's packets slow the centre for another."""

import pytest

from centre.gateway.budget import OverBudgetError, Work
from centre.gateway.manifests import Manifests, MeterRow
from drivers.points.model import load
from drivers.reading import Block
from tests.drivers.hj212.packets import PHASES


def test_each_byte_of_a_packet_is_work() -> None:
    work, model = Work(2 * len(PHASES)), load("hj212-air")
    for _ in range(2):
        values = Manifests().decode(model, MeterRow(), (Block(212, 2011, PHASES),), work)
        assert values == {"data_time": "20260302083000"}
    assert work.left == 0
    with pytest.raises(OverBudgetError):
        Manifests().decode(model, MeterRow(), (Block(212, 2011, PHASES),), work)
