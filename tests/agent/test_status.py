"""The status socket answers whoever may open it, and never waits for a slow reader."""

import errno
import socket
import stat
import threading
from pathlib import Path

import pytest

from agent.status import SOCKET_NAME, StatusSocket, read_status


def serve_one(status: StatusSocket, answer: dict[str, object]) -> None:
    while not (readers := status.waiting()):
        pass
    for reader in readers:
        status.answer(reader, answer)


def test_a_reader_is_told_and_hung_up_on(tmp_path: Path) -> None:
    status = StatusSocket(tmp_path)
    thread = threading.Thread(target=serve_one, args=(status, {"gateway": "g", "text": "电" * 10_000}))
    thread.start()
    assert read_status(tmp_path) == {"gateway": "g", "text": "电" * 10_000}
    thread.join()
    status.close()
    assert not (tmp_path / SOCKET_NAME).exists()


def test_only_owner_and_group_may_open_it(tmp_path: Path) -> None:
    status = StatusSocket(tmp_path)
    assert stat.S_IMODE((tmp_path / SOCKET_NAME).stat().st_mode) == 0o660
    status.close()


def test_a_socket_left_behind_by_a_killed_agent_is_replaced(tmp_path: Path) -> None:
    StatusSocket(tmp_path)._listener.close()
    StatusSocket(tmp_path).close()


def test_without_an_agent_the_reader_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        read_status(tmp_path)


def test_what_is_no_object_is_refused(tmp_path: Path) -> None:
    status = StatusSocket(tmp_path)
    thread = threading.Thread(target=serve_one, args=(status, [1]))
    thread.start()
    with pytest.raises(ValueError, match="JSON object"):
        read_status(tmp_path)
    thread.join()
    status.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ECONNABORTED, errno.EAGAIN])
def test_a_reader_who_cannot_be_accepted_does_not_end_the_agent(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise OSError(number, "no")

    status = StatusSocket(tmp_path)
    monkeypatch.setattr(socket.socket, "accept", fail)
    assert status.waiting() == []
    status.close()
