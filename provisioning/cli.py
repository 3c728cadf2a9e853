"""`dianjian`: the command line of technicians and centres.

A command is imported only when it is called, so that `--help` stays quick on a gateway.
Exit codes: `provisioning.terminal.exits`.
"""

import importlib
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NoReturn

import click

from disk.help_page import LANGUAGE, HelpGroup, set_up
from disk.language import choose_language, put_language_first
from disk.streams import tell_reader_gone
from disk.translation import add_catalogues
from disk.version import read_version
from provisioning.terminal.ending import name_nearest, run_to_end
from provisioning.terminal.paths import check_inputs
from provisioning.terminal.typed import take_any_width

VERBS: Final = {  # name: its module below provisioning, its text in --help
    "demo": ("demo.verb", "a plant's shift, from the meters to the verified reading, in about 80 seconds"),
    "demo-alert": ("alert_day.verb", "a night under an emergency reduction, in about two minutes"),
    "read": ("meters.read", "read one meter and show its values"),
    "scan": ("meters.scan", "find the meters of a bus"),
    "identify": ("meters.identify", "name the model of a meter, with reasons"),
    "models": ("meters.models", "the meter models that are known"),
    "commission": ("learning.commission", "learn thresholds and lags from recorded data, into the site file"),
    "backtest": ("learning.backtest", "recorded loads through the detector, as if it were live"),
    "setup": ("setup.verb", "from a bare gateway to a signed acceptance sheet"),
    "status": ("live.status", "live view of a running agent"),
    "doctor": ("doctor.verb", "what is wrong with this gateway, with remedies; --bundle for support"),
    "web": ("live.web", "the gateway's page for a browser: status, orders, declarations"),
    "answer": ("declaring.answer", "the orders that a gateway holds, and the plant's answer"),
    "declare": ("declaring.declare", "a declaration of the plant: stop, fault, maintenance, holiday …"),
    "person": ("declaring.person", "who of the plant may declare and answer"),
    "bus": ("live.bus", "load, latency and errors of a running agent's buses and meters"),
    "enrol": ("enrolment.enrol", "make this gateway's keys and have the centre enrol it"),
    "renew": ("enrolment.renew", "renew this gateway's certificate for the broker when it is due"),
    "centre": ("centre.group", "the centre's own keys and its register of gateways"),
    "subscribe": ("centre.subscribe", "verify what gateways publish, and answer receipts"),
    "consume": ("centre.consume", "what the centre verified, as JSON lines or for SQL; needs no key"),
    "hj212": ("hj212.group", "platforms and data loggers that speak HJ 212: packets in words"),
    "export": ("evidence.export", "write a gateway's stored chain to a file"),
    "evidence": ("evidence.verb", "the proof of some hours of a gateway as one file"),
    "verify": ("evidence.verify", "check evidence or an exported chain with only the centre's key"),
    "curtail": ("curtail.verb", "reduction lists, and who would pass if the alert were tonight"),
    "marks": ("marks.verb", "marks against power, and the effective transmission rate"),
    "report": ("marks.report_verb", "the monthly self-check report, from the chain or the plant's archive"),
    "explain": ("evidence.explain", "show an episode of the stored chain with its evidence"),
}


HELP: Final = ("values", "gateway", "evidence", "centre", "curtail", "marks", "hj212", "orders", "clues")
"""Modules `provisioning.words.help_…` with the Chinese of the verbs' help."""
ERRORS: Final = (
    *(f"{floor}.error_words" for floor in ("disk", "drivers", "firmware_sim", "evidence", "wire", "centre")),
    "agent.host.error_words",
    "provisioning.words.errors",
    "provisioning.words.verdicts",
)
"""Modules with the Chinese of what each floor says of mistakes."""
add_catalogues("help", *(f"provisioning.words.help_{room}" for room in HELP))
add_catalogues("errors", *ERRORS)
set_up()


class Verbs(HelpGroup):
    """Finds verbs without importing them."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **more: Any
    ) -> click.Context:
        """The call, or what `--help` and `--version` print, in the language that it names anywhere."""
        choose_language(None)
        with tell_reader_gone():
            return super().make_context(info_name, put_language_first(args), parent, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """The verb."""
        with tell_reader_gone():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a gateway's life, not alphabetically."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, imported now; a mistyped one is answered with the nearest."""
        if cmd_name not in VERBS and ctx.resilient_parsing:
            return None  # a shell asks what may stand next: nothing
        if cmd_name not in VERBS:
            raise click.UsageError(name_nearest(cmd_name, VERBS), ctx)
        module, _ = VERBS[cmd_name]
        command: click.Command = importlib.import_module(f"provisioning.{module}").command
        return check_inputs(take_any_width(command))

    def describe_commands(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The list of verbs, from the table instead of from imports."""
        del ctx
        return [(name, said) for name, (_, said) in VERBS.items()]


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(read_version(), prog_name="dianjian", message="%(prog)s %(version)s")
@LANGUAGE
def cli() -> None:
    """电监 dianjian: power and emission metering that holds up as evidence."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script."""
    sys.exit(run_to_end(partial(cli.main, arguments, prog_name="dianjian", standalone_mode=False)))


if __name__ == "__main__":
    main()
