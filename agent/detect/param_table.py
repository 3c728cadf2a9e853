"""Parameters that are written into the site file and hashed into the manifest.

`to_dict` gives plain tables, lists, numbers and texts for TOML, JSON or CBOR; `from_dict` reads them back and
refuses unknown keys; `hash` is the SHA-256 over their canonical JSON, so the same parameters have the same
hash everywhere.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self, cast

import cattrs
from attrs import AttrsInstance, asdict


class ParamsError(Exception):
    """Mistakes in parameters; `problems` has one line each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def hash_table(table: Mapping[str, Any]) -> bytes:
    """SHA-256 over the canonical JSON of `table`."""
    text = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).digest()


SPARSE: Final = {"sparse": True}
"""Metadata of a field that stands in a table, and in a hash, only where it is used: it came later."""


class ParamTable:
    """Base of the attrs classes of parameters; `kind` begins the path of a mistake."""

    __slots__ = ()
    kind: ClassVar[str]

    @property
    def hash(self) -> bytes:
        """SHA-256 over the canonical JSON of everything in it."""
        return hash_table(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Plain tables, lists, numbers and texts for TOML, JSON or CBOR."""
        return asdict(
            cast("AttrsInstance", self),
            filter=lambda attribute, value: bool(value) or "sparse" not in attribute.metadata,
            value_serializer=lambda _i, _a, value: list(value) if isinstance(value, tuple) else value,
        )

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """The parameters of a table that `to_dict` or a person wrote.

        Raises:
            ParamsError: Unknown keys, missing keys or impossible values, one line each.
        """
        try:
            return _CONVERTER.structure(dict(table), cls)
        except ParamsError:
            raise
        except Exception as error:
            raise ParamsError(tuple(cattrs.transform_error(error, path=cls.kind))) from error


_CONVERTER: Final = cattrs.Converter(forbid_extra_keys=True)
