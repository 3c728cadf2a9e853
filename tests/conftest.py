"""One profile for all property tests: the same examples in every run, unless somebody goes looking.

`DIANJIAN_EXPLORE=1 make test` draws new examples; what it finds becomes a table row or a fixed case.
Stores migrate in the test's process, because sqlite-utils is imported: a child for each is slow.
"""

import os

import sqlite_utils
from hypothesis import settings

assert sqlite_utils

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", print_blob=True)
settings.load_profile("explore" if os.environ.get("DIANJIAN_EXPLORE") else "repeatable")
