"""The version of the software that runs."""

from importlib.metadata import version as installed_version


def version() -> str:
    """The version of the installed distribution."""
    return installed_version("dianjian-edge")
