"""`dianjian hj212`: the verbs about platforms and data loggers of HJ 212."""

import click

from disk.help_page import HelpGroup
from provisioning.hj212.check import check
from provisioning.hj212.decode import decode_file
from provisioning.hj212.listen import listen
from provisioning.hj212.send import send


@click.group("hj212", cls=HelpGroup, short_help="platforms and data loggers that speak HJ 212")
def command() -> None:
    """Platforms and data loggers that speak HJ 212-2017 or HJ 212-2025."""


for each in (send, check, decode_file, listen):
    command.add_command(each)
