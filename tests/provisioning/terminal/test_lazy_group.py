"""A verb of a group brings in what it needs, and the group is whole nevertheless."""

import subprocess
import sys
from typing import Final

import click
import pytest
from click.testing import CliRunner

from provisioning.centre.clues.group import clues
from provisioning.centre.group import command
from provisioning.centre.order import order
from provisioning.terminal.lazy_group import LazyGroup

GROUPS: Final = [pytest.param(one, id=one.name) for one in (command, clues, order)]


@pytest.mark.parametrize("group", GROUPS)
def test_every_verb_is_found_by_the_name_that_it_has_itself_and_listed_once(group: click.Command) -> None:
    assert isinstance(group, LazyGroup)
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    assert {name: one.name for name, one in found.items() if one} == {name: name for name in found}
    assert set(group.places) < set(found), "and its own beside them"
    assert len(group.list_commands(context)) == len(set(group.list_commands(context)))


def test_a_mistyped_verb_is_answered_with_the_nearest_though_nothing_was_imported() -> None:
    group = LazyGroup("group", places={"revoke": "centre.revoke:revoke", "readmit": "centre.readmit:readmit"})
    ended = CliRunner().invoke(group, ["revoek"])
    assert ended.exit_code == 2
    assert "revoke" in ended.output
    assert set(group.commands) == {"revoke", "readmit"}


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (
            ["centre", "init", "--help"],
            ["numpy", "h11", "paho", "rich.console", "tomlkit", "agent.site.file"],
        ),
        (["centre", "enrol", "--help"], ["numpy", "h11", "paho", "rich.console", "tomlkit"]),
        (["verify", "--help"], ["numpy", "h11", "paho", "agent.build", "rich.console", "cryptography.x509"]),
    ],
    ids=" ".join,
)
def test_a_verb_does_not_bring_in_what_only_others_need(words: list[str], heavy: list[str]) -> None:
    code = (
        "import sys\nfrom provisioning.cli import cli\n"
        f"cli.main({words}, prog_name='dianjian', standalone_mode=False)\n"
        f"print(sorted(set({heavy}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
