"""The numbers of HJ 212-2017 and HJ 212-2025: systems, commands and results that we send or know.

The results of QnRtn and ExeRtn, and the commands that no packet of `tests.drivers.hj212.packets` has, are
those that are commonly met; they were not checked against the standard.
"""

from enum import StrEnum


class System(StrEnum):
    """ST: what a packet is about."""

    SURFACE_WATER = "21"
    AMBIENT_AIR = "22"
    VOLATILES = "27"
    AIR_EMISSIONS = "31"
    WATER_EMISSIONS = "32"
    ELECTRICITY = "44"
    CONDITIONS = "45"
    FLUE_GAS_TREATMENT = "51"
    SEWAGE_TREATMENT = "52"
    EXCHANGE = "91"


class Command(StrEnum):
    """CN."""

    SET_TIMEOUTS = "1000"
    READ_MN = "1001"
    ASSIGN_MN = "1002"
    READ_CLOCK = "1011"
    SET_CLOCK = "1012"
    ASK_TIME = "1013"
    RENEW_KEY = "1014"
    READ_REAL_INTERVAL = "1061"
    SET_REAL_INTERVAL = "1062"
    READ_MINUTE_INTERVAL = "1063"
    SET_MINUTE_INTERVAL = "1064"
    SET_PW = "1072"
    REAL = "2011"
    STOP_REAL = "2012"
    STATES = "2021"
    STOP_STATES = "2022"
    DAY = "2031"
    DAY_STATES = "2041"
    MINUTE = "2051"
    HOUR = "2061"
    STARTED = "2081"
    REQUEST_ANSWER = "9011"
    EXECUTION_ANSWER = "9012"
    NOTICE_ANSWER = "9013"
    DATA_ANSWER = "9014"
    HEARTBEAT = "9015"


class RequestResult(StrEnum):
    """QnRtn, in the answer to a request."""

    WILL_BE_DONE = "1"
    REFUSED = "2"
    WRONG_PW = "3"
    WRONG_MN = "4"
    WRONG_ST = "5"
    WRONG_FLAG = "6"
    WRONG_QN = "7"
    WRONG_CN = "8"
    WRONG_CRC = "9"
    UNKNOWN = "100"


class ExecutionResult(StrEnum):
    """ExeRtn, at the end of a command."""

    DONE = "1"
    FAILED = "2"
    WRONG_CONDITIONS = "3"
    TIME_OUT = "4"
    BUSY = "5"
    OUT_OF_ORDER = "6"
    NO_DATA = "100"


UPLOADS = frozenset(
    {
        *(Command.REAL, Command.STATES, Command.DAY, Command.DAY_STATES),
        *(Command.MINUTE, Command.HOUR, Command.STARTED),
    }
)
"""Commands under which data are sent."""
ANSWERS = frozenset(
    {Command.REQUEST_ANSWER, Command.EXECUTION_ANSWER, Command.NOTICE_ANSWER, Command.DATA_ANSWER}
)
"""Commands that answer another packet."""
