"""Shell completion of the commands: as click writes it for bash, zsh and fish, and for the agent in bash.

`dianjian-agent` has no click. Its verbs and options are few and are written down.
"""

import json
import os
import subprocess
import sys
from typing import Final

from make_deb.source import Source

DUMP: Final = """
import json, sys
from agent.call import list_words
from click.shell_completion import get_completion_class
from firmware_sim.main import main as simulator
from provisioning.cli import cli as dianjian

def write(shell, name, command):
    variable = f"_{name.upper().replace('-', '_')}_COMPLETE"
    made = get_completion_class(shell)(command, {}, name, variable)
    return made.source_template % made.source_vars()

commands = {"dianjian": dianjian, "dianjian-sim": simulator}
shells = ("bash", "zsh", "fish")
made = {s: {name: write(s, name, one) for name, one in commands.items()} for s in shells}
json.dump({"made": made, "agent": list_words()}, sys.stdout)
"""
AGENT: Final = """_dianjian_agent_completion() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}"
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "{options}" -- "$word"))
    elif [[ $COMP_CWORD -eq 1 ]]; then
        COMPREPLY=($(compgen -W "{verbs}" -- "$word"))
    else
        COMPREPLY=()
    fi
}}
complete -o default -F _dianjian_agent_completion dianjian-agent
"""
PLACES: Final = {
    "bash": "usr/share/bash-completion/completions/{name}",
    "zsh": "usr/share/zsh/vendor-completions/_{name}",
    "fish": "usr/share/fish/vendor_completions.d/{name}.fish",
}
"""Where Debian's shells look, by shell."""


def make_completions(source: Source) -> dict[str, str]:
    """The text of each file, by its place in the package."""
    environment = {**os.environ, "PYTHONPATH": str(source.folder), "LC_ALL": "C.UTF-8"}
    call = [sys.executable, "-P", "-c", DUMP]
    dumped = subprocess.run(call, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    found = json.loads(dumped.stdout)
    texts: dict[str, dict[str, str]] = found["made"]
    verbs, options = found["agent"]
    texts["bash"]["dianjian-agent"] = AGENT.format(verbs=" ".join(verbs), options=" ".join(options))
    return {
        PLACES[shell].format(name=name): text.strip() + "\n"
        for shell, named in texts.items()
        for name, text in named.items()
    }
