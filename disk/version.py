"""The version of the installed distribution.

It stands in the name of a folder beside the packages. importlib.metadata finds the same folder and costs the
daemon 0.8 MiB, so it is loaded only if the packages came another way.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_DISTRIBUTION: Final = "dianjian_edge"


def read_version() -> str:
    """The version of the installed distribution."""
    for folder in filter(None, sys.path):
        with suppress(OSError):  # a folder that this user may not read
            for info in Path(folder).glob(f"{_DISTRIBUTION}-*.dist-info"):
                return info.name.removeprefix(f"{_DISTRIBUTION}-").removesuffix(".dist-info")
    from importlib.metadata import version as find_version  # noqa: PLC0415 - see the module

    return find_version(_DISTRIBUTION)
