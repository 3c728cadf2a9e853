"""Gateways that a test has made end with it."""

from collections.abc import Iterator

import pytest

from tests.agent.rig import end_rigs


@pytest.fixture(autouse=True)
def _ended_rigs() -> Iterator[None]:
    yield
    end_rigs()
