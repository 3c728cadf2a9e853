"""Names of the files in the state folder."""

from typing import Final

DATABASE_NAME: Final = "chain.db"
KEYS_NAME: Final = "keys"
