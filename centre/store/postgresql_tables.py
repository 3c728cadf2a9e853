"""The tables of `centre.store.sql` in PostgreSQL, and the steps that bring an older database up to date.

`seals` is partitioned by the month of reception in UTC: a closed month can be detached and kept as a whole.
Gateway clocks lie, so theirs is not used. A unique key would have to contain the month, so there is none on
`at`; that a seal is there once rests on the row of its gateway, which changes in the same transaction, and on
its version.

`journal` has `code` and `gateway` of a finding beside its line: the server would have to take the line apart
for each look, and refuses one whose text has a NUL, which a gateway may send.

`gateways` has a version, which each write compares and raises, and the slice that the gateway is in. Several
verifiers (`centre.store.sliced`) have a row each in `verifiers`, gone when its lease has ended, and `slices`
says who has which; its last row is the beacon.
"""

from datetime import UTC, datetime
from typing import Final

from centre.store.slices import BEACON

MS_PER_S: Final = 1_000

_FIRST: Final = (
    """CREATE TABLE gateways (
        id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text NOT NULL UNIQUE,
        first_key bytea NOT NULL, state bytea NOT NULL, held bytea NOT NULL, receipt bytea, account bytea)""",
    """CREATE TABLE seals (
        at bigint NOT NULL, received_utc_ms bigint NOT NULL, cose bytea NOT NULL, body bytea)
        PARTITION BY RANGE (received_utc_ms)""",
    "CREATE INDEX seals_at ON seals (at)",
    "ALTER TABLE seals ALTER COLUMN body SET STORAGE EXTERNAL",  # gateways compress what gains by it
    """CREATE TABLE forks (
        id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, gateway bigint NOT NULL REFERENCES gateways,
        number bigint NOT NULL, received_utc_ms bigint NOT NULL, cose bytea NOT NULL)""",
    "CREATE INDEX forks_number ON forks (gateway, number)",
    """CREATE TABLE statements (
        id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, gateway bigint NOT NULL REFERENCES gateways,
        number bigint NOT NULL, hash bytea NOT NULL, raw bytea NOT NULL, received_utc_ms bigint NOT NULL,
        UNIQUE (gateway, hash))""",
    "CREATE INDEX statements_number ON statements (gateway, number)",
    """CREATE TABLE journal (
        id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, at bigint NOT NULL, what smallint NOT NULL,
        received_utc_ms bigint NOT NULL, marks smallint, line text, code text, gateway text)""",
    "CREATE INDEX journal_marks ON journal (at) WHERE marks IS NOT NULL",
    "CREATE INDEX journal_lines ON journal (at, received_utc_ms) WHERE line IS NOT NULL",
    "CREATE TABLE cursors (name text PRIMARY KEY, place bigint NOT NULL)",
)
_SHARED: Final = (
    "ALTER TABLE gateways ADD COLUMN version bigint NOT NULL DEFAULT 0",
    # As centre.store.slices.slice_of.
    """ALTER TABLE gateways
        ADD COLUMN slice smallint GENERATED ALWAYS AS (get_byte(sha256(name::bytea), 0)) STORED""",
    "CREATE INDEX gateways_slice ON gateways (slice)",
    """CREATE TABLE verifiers (
        lease bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text NOT NULL,
        first_slice smallint NOT NULL, last_slice smallint NOT NULL, until timestamptz NOT NULL)""",
    "CREATE TABLE slices (number smallint PRIMARY KEY, lease bigint)",
    f"INSERT INTO slices (number) SELECT generate_series(0, {BEACON})",
)
MIGRATIONS: Final = (_FIRST, _SHARED)
"""The statements of each step; a database notes in `versions` how many it has."""


def month_of(utc_ms: int) -> tuple[int, int]:
    """Year and month of a moment, UTC."""
    moment = datetime.fromtimestamp(utc_ms / MS_PER_S, UTC)
    return moment.year, moment.month


def make_partition(year: int, month: int) -> str:
    """The statement that makes the partition of a month, if it is not there."""
    begin, end = (
        datetime(year, month, 1, tzinfo=UTC),
        datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC),
    )
    span = " TO ".join(f"({int(one.timestamp()) * MS_PER_S})" for one in (begin, end))
    name = name_partition(year, month)
    return f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF seals FOR VALUES FROM {span}"


def name_partition(year: int, month: int) -> str:
    """Its table."""
    return f"seals_{year:04d}_{month:02d}"
