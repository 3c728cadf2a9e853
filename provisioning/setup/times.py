"""Times of a setup as people read them: by the plant's own clock, with its zone."""

from datetime import datetime

from agent.site.file import ConfigError, Place, load_site
from evidence.moments import local_text, zone_s
from provisioning.setup.session import Session


def zone_of(session: Session) -> str:
    """The plant's offset from UTC; the usual one before there is a site file."""
    try:
        return load_site(session.site_file).site.utc_offset
    except ConfigError:
        return Place().utc_offset


def format_local(at: datetime, zone: str) -> str:
    """A moment by the clock of this zone, which is named behind it."""
    return f"{local_text(at.timestamp(), zone_s(zone), '%Y-%m-%d %H:%M')} ({zone})"
