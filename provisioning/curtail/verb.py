"""`dianjian curtail`: emergency reduction, checked and tried before anybody orders it."""

import click

from disk.help_page import HelpGroup
from provisioning.curtail.dry_run import dry_run
from provisioning.curtail.list_check import listing
from provisioning.curtail.verdict import verdict


@click.group("curtail", cls=HelpGroup, short_help="reduction lists, and who would pass tonight")
def command() -> None:
    """Emergency reduction: check a reduction list, try an alert without sending it."""


command.add_command(listing)
command.add_command(dry_run)
command.add_command(verdict)
