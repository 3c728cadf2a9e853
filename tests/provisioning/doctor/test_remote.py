"""At the gateway a person hears what the centre has sent, from doctor, status and setup."""

from pathlib import Path

import pytest
from attrs import evolve

from agent.site.file import load_own_site
from agent.site.remote import Back, Kept, Remote, Trial, name_text, write_remote
from evidence.words import Words
from provisioning.doctor.finding import State
from provisioning.doctor.verb import config, find_target
from provisioning.words.remote import describe_remote
from tests.provisioning.doctor.place import place


@pytest.mark.parametrize(
    ("parts", "state", "said"),
    [
        ({"kept": True}, State.OK, "the site file in force is the centre's (order c1 rev 2)"),
        ({"trial": True}, State.OK, "a site file from the centre (order c1 rev 2) is on trial"),
        ({"back": True}, State.WARNING, "did not stay: meter m1 has not answered; waited 60 s"),
        ({"kept": True, "base": "0" * 64}, State.WARNING, "is void: the file here was changed since"),
        ({"back": True, "base": "0" * 64}, State.WARNING, "did not stay"),
    ],
)
def test_the_doctor_says_what_was_sent_and_what_came_of_it(
    tmp_path: Path, parts: dict[str, object], state: State, said: str
) -> None:
    file = place(tmp_path)
    text = load_own_site(file).text
    remote = Remote(
        str(parts.get("base", name_text(text))),
        Kept("c1", 2, text) if parts.get("kept") else None,
        Trial("c1", 2, text, 60, ()) if parts.get("trial") else None,
        Back("c1", 2, "meter m1 has not answered; waited 60 s") if parts.get("back") else None,
    )
    target = find_target(file)
    assert "centre" not in [one.about for one in config(target, lambda _: None)]
    write_remote(target.folder, remote)
    (found,) = [one for one in config(target, lambda _: None) if one.about == "centre"]
    assert (found.state, said in found.text.en) == (state, True)
    assert (found.remedy is None) == (state is State.OK)
    told = evolve(target, status={"remote": {"state": "kept", "order": "c9", "rev": 1, "why": ""}})
    (found,) = [one for one in config(told, lambda _: None) if one.about == "centre"]
    assert "order c9" in found.text.en, "the running agent knows best"


def test_the_reason_is_told_in_chinese_too() -> None:
    why = "meter m1 has not answered; waited 60 s"
    said, _ = describe_remote({"state": "back", "order": "c1", "rev": 2, "why": why})
    assert isinstance(said, Words)
    assert "电表 m1 未应答；已等待 60 秒" in said.zh
