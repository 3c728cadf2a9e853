"""Where gateways stand: a CSV file that the city keeps, and the plane that they are drawn on. Pure.

    gateway,longitude,latitude
    plant-7,120.38,36.07

Degrees, east and north positive (WGS 84 or the zone's own: only distances within a city matter). The drawing
is an equirectangular projection about the middle latitude, whose error within 200 km is below a pixel.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Final

from attrs import frozen

from disk.files import read_plain
from evidence.cbor import FormatError
from evidence.seal import check_gateway

BYTES_MAX: Final = 16 << 20
"""A hundred thousand gateways with long names."""
HEAD: Final = ["gateway", "longitude", "latitude"]
LATITUDE_MAX: Final = 85.0
"""Further north or south nothing is drawn in proportion."""
KM_PER_DEGREE: Final = 111.2
NEAR_KM: Final = 200.0
"""Of the middle one: a city and around it. What a site file says is the plant's, and one that puts itself
elsewhere would make a point of all others; further ones are for the file of positions."""
ROOM_KM: Final = 2.0
"""Around the outermost gateways, and the least that is drawn: a single gateway has a map too."""


class PositionsError(ValueError):
    """The file is wrong; the message names the line."""


@frozen
class Position:
    """In degrees."""

    longitude: float
    latitude: float


@frozen
class Plane:
    """A map of `width_km` times `height_km`, whose left upper corner is at 0, 0."""

    width_km: float
    height_km: float
    places: Mapping[str, tuple[float, float]]


def read_positions(path: Path) -> dict[str, Position]:
    """The positions in the file.

    Raises:
        PositionsError: It cannot be read, or a line has no position.
    """
    try:
        text = read_plain(path, BYTES_MAX, follow=True).decode("utf-8-sig")
    except OSError as error:
        raise PositionsError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PositionsError(f"{path}: is not UTF-8 at byte {error.start}") from error
    rows = csv.reader(io.StringIO(text, newline=""))
    found: dict[str, Position] = {}
    try:
        if [cell.strip() for cell in next(rows, [])] != HEAD:
            raise PositionsError(f"{path}, line 1: is not gateway,longitude,latitude")
        for row in rows:
            if any(cell.strip() for cell in row):
                name, position = _parse(row, f"{path}, line {rows.line_num}")
                found[name] = position
    except csv.Error as error:
        raise PositionsError(f"{path}, line {rows.line_num}: {error}") from error
    return found


def choose_near(own: Mapping[str, Position], given: Mapping[str, Position]) -> dict[str, Position]:
    """Those that are `given`, and of those that gateways say themselves the ones near the middle of all."""
    every = {**own, **given}
    if not every:
        return {}
    longitude = median(one.longitude for one in every.values())
    latitude = median(one.latitude for one in every.values())
    east_km = KM_PER_DEGREE * math.cos(math.radians(latitude))
    return {
        name: one
        for name, one in every.items()
        if name in given
        or math.hypot((one.longitude - longitude) * east_km, (one.latitude - latitude) * KM_PER_DEGREE)
        <= NEAR_KM
    }


def lay_out(positions: Mapping[str, Position]) -> Plane:
    """The places of at least one gateway on a plane around them all."""
    longitudes = [one.longitude for one in positions.values()]
    latitudes = [one.latitude for one in positions.values()]
    west, north = min(longitudes), max(latitudes)
    middle = math.radians((north + min(latitudes)) / 2)
    east_km = KM_PER_DEGREE * math.cos(middle)
    return Plane(
        (max(longitudes) - west) * east_km + 2 * ROOM_KM,
        (north - min(latitudes)) * KM_PER_DEGREE + 2 * ROOM_KM,
        {
            name: (
                (one.longitude - west) * east_km + ROOM_KM,
                (north - one.latitude) * KM_PER_DEGREE + ROOM_KM,
            )
            for name, one in positions.items()
        },
    )


def find_scale(width_km: float) -> float:
    """Kilometres of a scale bar: 1, 2 or 5 times a power of ten, at most a quarter of the width."""
    wanted = width_km / 4
    power = 10.0 ** math.floor(math.log10(wanted))
    return max(step * power for step in (1, 2, 5) if step * power <= wanted)


def _parse(row: Iterable[str], where: str) -> tuple[str, Position]:
    cells = [cell.strip() for cell in row]
    if len(cells) != len(HEAD):
        raise PositionsError(f"{where}: has {len(cells)} fields and not 3")
    try:
        longitude, latitude = float(cells[1]), float(cells[2])
        name = check_gateway(cells[0])
    except (ValueError, FormatError) as error:
        raise PositionsError(f"{where}: {error}") from error
    if not (-180 <= longitude <= 180 and -LATITUDE_MAX <= latitude <= LATITUDE_MAX):
        raise PositionsError(f"{where}: no longitude up to 180 and latitude up to {LATITUDE_MAX:g} degrees")
    return name, Position(longitude, latitude)
