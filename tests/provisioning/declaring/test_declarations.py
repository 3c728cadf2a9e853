"""A declaration on its whole way: form or command line, letter, seal; once over kills, and by nobody else."""

import hashlib
import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.inbox import FILES_NAME, INBOX_NAME, drop
from evidence.marks.mark import FILE_BYTES_MAX, decode_mark
from evidence.record import Kind, Record
from provisioning.cli import cli
from provisioning.declaring.form import PATH, TEXT_MAX
from provisioning.declaring.letters import check_file
from provisioning.declaring.passwords import WAIT_FIRST_S
from provisioning.live.page.server import Server
from tests.agent.orders.test_orders import give
from tests.agent.rig import SITE, Rig
from tests.evidence.orders import made as orders
from tests.provisioning.declaring.made import PASSWORD, desk_of, name_persons, sent
from tests.provisioning.live.page.plant import answering_with
from wire.http.exchange import Request, Response

FORM = {
    "by": "王",
    "password": PASSWORD,
    "code": "stop",
    "subject": "p1",
    "text": "检修",
    "since": "",
    "until": "",
}
PHOTO = b"\xff\xd8\xff a picture"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path / "first")
    rig.connect()
    give(rig, orders.message())
    name_persons(rig.folder / "state", "王", "李")
    yield rig
    rig.close()


def post(rig: Rig, files: dict[str, bytes] | None = None, **more: str) -> Response:
    """What the form answers, with a running agent's word on its orders; then the agent has a while."""
    state = rig.folder / "state"
    with answering_with(state, {"orders": rig.parts.orders.list_open(rig.stamp())}):
        answer = desk_of(state, rig.stamp().utc_ns / 1e9).answer(sent({**FORM, **more}, files), chinese=True)
    rig.run(10, 40_000, 9_000)
    return answer


def sealed(rig: Rig, kind: Kind) -> list[dict[str, Any]]:
    found = [one.body for one in rig.records() if isinstance(one, Record) and one.kind is kind]
    return [dict(one) for one in found if kind is not Kind.ANSWER or one["by"]]


def test_a_declaration_is_a_mark_by_a_named_person_with_its_photograph_beside_the_chain(rig: Rig) -> None:
    answer = post(rig, {r"C:\照片\photo.jpg": PHOTO}, since="2026-03-02T08:00", until="2026-03-02T18:00")
    assert answer.status is HTTPStatus.SEE_OTHER, answer.body.decode()
    (body,) = sealed(rig, Kind.MARK)
    mark = decode_mark(body)
    assert (mark.by, mark.code, mark.subject, mark.reason) == ("王", "stop", "p1", "检修")
    assert mark.to_s == mark.from_s + 10 * 3600
    digest = hashlib.sha256(PHOTO).hexdigest()
    assert [(one.name, one.size, one.sha256) for one in mark.files] == [("photo.jpg", len(PHOTO), digest)]
    assert mark.id in answer.headers["Location"], "the person gets what names it in the chain"
    kept = rig.folder / "state" / FILES_NAME
    assert (kept / digest).read_bytes() == PHOTO
    assert check_file(kept, digest) == "same"
    (kept / digest).write_bytes(PHOTO + b" edited afterwards")
    assert check_file(kept, digest) == "edited"
    (kept / digest).unlink()
    assert check_file(kept, digest) == "absent"
    added = [one for one in sealed(rig, Kind.COMMISSIONING) if one["what"] == "person"]
    assert [(one["name"], one["role"], one["state"]) for one in added] == [
        ("王", "环保负责人", "added"), ("李", "环保负责人", "added"),
    ]  # fmt: skip


def test_a_declaration_answers_an_order_in_the_same_minute_and_once_over_kills(
    rig: Rig, tmp_path: Path
) -> None:
    assert post(rig, order="o1").status is HTTPStatus.SEE_OTHER
    (mark,), (answer,) = sealed(rig, Kind.MARK), sealed(rig, Kind.ANSWER)
    assert (answer["state"], answer["by"], answer["mark"]) == ("declared", "王", mark["id"])
    letter = {"what": "declare", "mark": {name: one for name, one in mark.items() if name != "id"}}
    drop(rig.folder / "state", letter, 1)  # as if it had not been removed yet
    again = rig.killed(tmp_path / "second", boot_id=b"second boot.....")
    again.run(10, 40_000, 9_000)
    assert (sealed(again, Kind.MARK), sealed(again, Kind.ANSWER)) == ([mark], [answer])
    assert [one["state"] for one in again.parts.orders.list_open(again.stamp())] == ["declared"]
    again.close()


def test_an_order_can_be_answered_without_a_declaration(rig: Rig) -> None:
    assert post(rig, order="o1", code="", state="objected").status is HTTPStatus.SEE_OTHER
    assert [one["state"] for one in sealed(rig, Kind.ANSWER)] == ["objected"]
    assert sealed(rig, Kind.MARK) == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"password": "a wrong one here"}, "姓名或密码不对"),
        ({"by": "张"}, "姓名或密码不对"),
        ({"by": ""}, "姓名或密码不对"),
        ({"password": "x" * 5_000}, "姓名或密码不对"),
        ({"by": "李", "password": ""}, "姓名或密码不对"),
        ({"subject": "p9"}, "对象不在本厂"),
        ({"order": "o9"}, "该指令已失效"),
        ({"order": "o1", "code": "", "state": "received"}, "请填写：答复"),
        ({"code": ""}, "请填写：申报内容"),
        ({"code": "holiday-forever"}, "未能申报"),
        ({"text": " "}, "请填写：说明"),
        ({"text": "长" * (TEXT_MAX + 1)}, "请填写：说明"),
        ({"since": "yesterday"}, "时间无法识别"),
        ({"since": "2026-03-02T08:00", "until": "2026-03-02T07:00"}, "未能申报"),
        ({"text": '"><script>alert(1)</script>', "password": "wrong, and long"}, "姓名或密码不对"),
    ],
)
def test_what_cannot_be_declared_is_told_above_the_form_and_seals_nothing(
    rig: Rig, more: dict[str, str], says: str
) -> None:
    answer = post(rig, **more)
    page = answer.body.decode()
    assert answer.status is HTTPStatus.UNPROCESSABLE_ENTITY
    assert says in page
    assert "<script" not in page
    assert PASSWORD not in page
    assert (sealed(rig, Kind.MARK), sealed(rig, Kind.ANSWER)) == ([], [])
    assert not list((rig.folder / "state" / INBOX_NAME).iterdir())


def test_a_file_that_is_too_large_is_refused(rig: Rig) -> None:
    assert "make it smaller" in post(rig, {"photo.jpg": bytes(FILE_BYTES_MAX + 1)}).body.decode()
    assert not (rig.folder / "state" / FILES_NAME).exists()


def test_who_guesses_waits_and_so_does_the_name_from_everywhere(tmp_path: Path) -> None:
    name_persons(tmp_path, "王", "李")
    desk = desk_of(tmp_path, 1_772_400_000)
    wrong = {**FORM, "password": "a wrong one here"}
    desk.answer(sent(wrong), chinese=False)
    for form, peer in ((FORM, "10.0.0.8"), ({**FORM, "by": "李"}, "10.0.0.7")):
        assert "wait" in desk.answer(sent(form, peer=peer), chinese=False).body.decode()
    other = desk.answer(sent({**FORM, "by": "李"}, peer="10.0.0.9"), chinese=False)
    assert other.status is HTTPStatus.SEE_OTHER, "another person elsewhere does not wait"
    assert all(wait == WAIT_FIRST_S for _, wait in desk.waits._until.values())


def test_where_nobody_was_named_nobody_declares(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, 1_772_400_000)
    page = desk.answer(Request("GET", PATH, {}, {}), chinese=False).body.decode()
    assert "dianjian person add" in page
    assert "<form" not in page
    assert desk.answer(sent(FORM), chinese=False).status is HTTPStatus.UNPROCESSABLE_ENTITY
    (tmp_path / "persons.json").write_text("[{}]")
    assert desk.answer(sent(FORM), chinese=False).status is HTTPStatus.SERVICE_UNAVAILABLE


def test_without_tls_no_password_crosses_the_network() -> None:
    server = Server(lambda **_: b"the page", "policy")
    for method, status in (("GET", HTTPStatus.FORBIDDEN), ("POST", HTTPStatus.FORBIDDEN)):
        answer = server.answer(Request(method, PATH, {}, {"host": "127.0.0.1"}))
        assert (answer.status, b"certificate" in answer.body) == (status, True)
    assert server.answer(Request("POST", "/", {}, {"host": "127.0.0.1"})).status == 405


def test_the_owner_answers_for_another_by_a_letter_of_his_own_and_the_persons_show_it(rig: Rig) -> None:
    """What this machine's owner writes himself cannot be told apart; a name that nobody was given can."""
    letter = {"what": "answer", "order": "o1", "state": "done", "by": "赵", "at": 5, "text": "", "files": []}
    drop(rig.folder / "state", letter, 9)
    rig.run(10, 40_000, 9_000)
    named = {one["name"] for one in sealed(rig, Kind.COMMISSIONING) if one["what"] == "person"}
    assert [one["by"] for one in sealed(rig, Kind.ANSWER)] == ["赵"]
    assert "赵" not in named


@pytest.mark.parametrize(
    "mark",
    [None, {}, {"id": "0" * 64}, {"by": ""}, {"more": 1}, {"to_s": 1}],
)
def test_a_letter_that_is_no_mark_is_set_aside(rig: Rig, mark: dict[str, Any] | None) -> None:
    assert post(rig).status is HTTPStatus.SEE_OTHER
    (good,) = sealed(rig, Kind.MARK)
    del good["id"]
    drop(
        rig.folder / "state",
        {"what": "declare", "mark": None if mark is None else good | mark if mark else {}},
        9,
    )
    rig.run(10, 40_000, 9_000)
    assert len(sealed(rig, Kind.MARK)) == 1
    assert [one["what"] for one in sealed(rig, Kind.EVENT)].count("postbox") == 1


def call(folder: Path, *words: str, password: str = PASSWORD) -> Any:
    verb, *rest = words
    call = [*verb.split(), "--config", str(folder / "site.toml"), "--json", *rest]
    ran = CliRunner().invoke(cli, call, input=f"{password}\n")
    return json.loads(ran.stdout) if ran.exit_code == 0 else (ran.exit_code, ran.stderr)


def test_the_command_line_names_persons_and_declares(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE, "utf-8")
    (tmp_path / "state").mkdir()
    about = ("declare", "--by", "王", "--line", "p1", "--reason", "放假", "long-stop")
    assert call(tmp_path, *about)[0] == 2, "nobody was named yet"
    assert call(tmp_path, "person add", "王", password="short")[0] == 2  # noqa: S106
    assert call(tmp_path, "person add", "--role", "厂长", "王")["state"] == "added"
    assert call(tmp_path, "person list") == {"persons": [{"name": "王", "role": "厂长"}]}
    (letter,) = call(tmp_path, *about)["letters"]
    assert (letter["mark"]["by"], letter["mark"]["code"]) == ("王", "long-stop")
    assert call(tmp_path, *about, password="a wrong one here") == (1, "dianjian: --by 王: wrong password\n")  # noqa: S106
    code, said = call(tmp_path, *about[:4], "p9", *about[5:])
    assert (code, "the site file has no such id; it has: p1, t1" in said) == (2, True)
    assert "stop" in {one["id"] for one in call(tmp_path, "declare")["codes"]}
    assert call(tmp_path, "person remove", "王")["state"] == "removed"
    assert call(tmp_path, "person remove", "王")[0] == 2
    letters = [json.loads(path.read_bytes()) for path in sorted((tmp_path / "state" / INBOX_NAME).iterdir())]
    assert [one["what"] for one in letters] == ["person", "declare", "person"]
