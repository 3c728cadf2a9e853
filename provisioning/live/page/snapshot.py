"""What one drawing of the status page is made from."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from provisioning.live.page.chain import ChainView
from provisioning.live.page.site import SitePlan


@frozen
class Snapshot:
    """The gateway at one moment.

    Attributes:
        status: The agent's status, None if none answers.
        silence: Why there is no status, "" if there is one.
        now_s: The gateway's wall clock.
        problem: The fault in the site file now, "" if there is none.
    """

    plan: SitePlan
    status: Mapping[str, Any] | None
    silence: str
    chain: ChainView
    now_s: float
    problem: str = ""
    declares: bool = False
