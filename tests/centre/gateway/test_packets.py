"""What packets of HJ 212 cost is counted, so that no gateway's packets slow the centre for another."""

import pytest

from centre.gateway.budget import OverBudgetError, Work
from centre.gateway.manifests import Manifests, MeterRow
from drivers.hj212.encoding import encode
from drivers.points.model import load
from drivers.reading import Block
from tests.drivers.hj212.packets import KEY, PHASES
from tests.drivers.hj212.test_receiver import DATA


def test_each_byte_of_a_packet_is_work() -> None:
    work, model = Work(2 * len(PHASES)), load("hj212-air")
    for _ in range(2):
        values = Manifests().decode(model, MeterRow(), (Block(212, 2011, PHASES),), work)
        assert values == {"data_time": "20260302083000"}
    assert work.left == 0
    with pytest.raises(OverBudgetError):
        Manifests().decode(model, MeterRow(), (Block(212, 2011, PHASES),), work)


def test_an_encrypted_packet_has_its_values_where_its_key_is() -> None:
    model = load("hj212-air")
    block = Block(212, 2011, encode(DATA, key=KEY))
    plain = Manifests().decode(model, MeterRow(), (Block(212, 2011, encode(DATA)),), Work(10_000))
    assert Manifests().decode(model, MeterRow(), (block,), Work(10_000)) == {}
    assert Manifests().decode(model, MeterRow(), (block,), Work(10_000), (bytes(16), KEY)) == plain
    assert plain["so2"] == 35.2
