"""One profile for all property tests: the same examples in every run, unless somebody goes looking.

`DIANJIAN_EXPLORE=1 make test` draws new examples; what it finds becomes a table row or a fixed case.
"""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", print_blob=True)
settings.load_profile("explore" if os.environ.get("DIANJIAN_EXPLORE") else "repeatable")
