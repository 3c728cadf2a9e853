"""The night: when what happens, in minutes of the plant's clock after 21:00, and what is asked of whom.

What the plant does by itself stands in `firmware_sim/plants/alert-night.toml`; a test holds both to the same
minutes.
"""

from datetime import datetime
from typing import Final

BEGIN: Final = datetime.fromisoformat("2026-03-02T21:00:00+08:00")
BEGIN_S: Final = BEGIN.timestamp()
ALERT_MIN: Final = 60
"""22:00; orders come an hour before, so that a slow machine has them in time."""
ALERT_HOURS: Final = 3
MARK_MIN: Final = 75
"""22:15: the plant declares that p2 stands."""
SUPERVISE_MIN: Final = 200
"""00:20: the hours from 22:00 and 23:00 were not met, which is a clue."""
CHECK_MIN: Final = 250
NIGHT_MIN: Final = 302
"""02:02: the verdicts come an hour after the alert, when the last registers were read."""
GATEWAY: Final = "alert-1"
LIST: Final = "l-2026"
ALERT: Final = "a-7"
ASK: Final = "d-3"
CHECK: Final = "c-3"
LEVEL: Final = "red"
CAPS_W: Final = {"p3": 50_000, "p4": 45_000}
STANDS: Final = ("p1", "p2")
TREATMENT: Final = {"p4": "t3"}
MARKED: Final = "p2"
AREA: Final = "370102"
BUREAU: Final = "济南市生态环境局"
PERSON: Final = "王敏"
ROWS: Final = f"""\
网关,生产线,预警级别,减排措施,功率上限（kW）,治理设施
{GATEWAY},p1,红色预警,停产,,
{GATEWAY},p2,红色预警,停产,,
{GATEWAY},p3,红色预警,功率上限,{CAPS_W["p3"] // 1000},
{GATEWAY},p4,红色预警,功率上限,{CAPS_W["p4"] // 1000},t3
"""
"""The reduction list, as a bureau's spreadsheet has it."""
