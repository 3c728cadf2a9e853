"""The status socket answers whoever may open it, and never waits for a slow reader."""

import errno
import json
import socket
import stat
import threading
import time
from pathlib import Path

import pytest

from agent.status.socket import ACCEPTS_MAX, PATIENCE_S, SOCKET_NAME, StatusSocket, read_status


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


SMALL = 4608
"""The least that the kernel gives a socket's buffer: an answer then takes many turns."""


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.status.socket.STATUS_BYTES_MAX", SMALL)


def unread(folder: Path) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    channel.connect(str(folder / SOCKET_NAME))
    channel.settimeout(10.0)
    return channel


@pytest.mark.usefixtures("small_buffers")
def test_an_answer_that_the_buffer_does_not_take_is_handed_over_in_the_next_turns(tmp_path: Path) -> None:
    status, told = StatusSocket(tmp_path), {"text": "x" * 1_000_000}
    with unread(tmp_path) as channel:
        (reader,) = status.waiting()
        status.answer(reader, told)
        got = bytearray()
        while part := channel.recv(4096):
            got += part
            assert status.waiting() == []
    assert json.loads(got) == told
    status.close()


@pytest.mark.usefixtures("small_buffers")
def test_readers_who_take_nothing_keep_no_others_out_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = StatusSocket(tmp_path)
    lazy = [unread(tmp_path) for _ in range(ACCEPTS_MAX)]
    for reader in status.waiting():
        status.answer(reader, {"text": "x" * 1_000_000})
    with unread(tmp_path) as late:
        assert status.waiting() == [], "as many as are served at once"
        now_s = time.monotonic()
        monkeypatch.setattr("agent.status.socket.time.monotonic", lambda: now_s + PATIENCE_S)
        (reader,) = status.waiting()
        status.answer(reader, {})
        assert late.recv(4096) == b"{}"
    for channel in lazy:
        channel.close()
    status.close()


def count_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_ten_thousand_connections_cost_no_more_than_those_that_are_served(tmp_path: Path) -> None:
    status = StatusSocket(tmp_path)
    before, held = count_descriptors(), []
    refused = 0
    for _ in range(10_000):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            one.connect(str(tmp_path / SOCKET_NAME))
            one.send(b"GET ")
            held.append(one)
        except BlockingIOError:
            refused += 1
            one.close()
    assert refused >= 10_000 - 2 * ACCEPTS_MAX
    readers = status.waiting()
    assert len(readers) == ACCEPTS_MAX
    assert count_descriptors() <= before + len(held) + ACCEPTS_MAX
    for reader in readers:
        status.answer(reader, {"gateway": "g"})
    for one in held:
        one.close()
    thread = threading.Thread(target=serve_one, args=(status, {"gateway": "g"}))
    for reader in status.waiting():
        status.answer(reader, {})
    thread.start()
    assert read_status(tmp_path) == {"gateway": "g"}
    thread.join()
    status.close()


@pytest.mark.usefixtures("small_buffers")
def test_a_reader_who_leaves_is_no_matter(tmp_path: Path) -> None:
    status = StatusSocket(tmp_path)
    with unread(tmp_path):
        (reader,) = status.waiting()
        status.answer(reader, {"text": "x" * 1_000_000})
    assert status.waiting() == []
    assert reader.fileno() == -1
    status.close()


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
