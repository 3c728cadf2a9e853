"""What is compiled before the collection is what pytest and Python then find."""

import importlib.util
import os
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import PYC_TAIL, _read_pyc, get_cache_dir

from tests.compiled import compile_all, go_round

TEST = "def test_it():\n    assert {value} == 1\n"


@pytest.mark.parametrize("turns", [1, 2, 6, 9])
def test_each_worker_goes_round_all_files_and_no_two_begin_at_one_place(turns: int) -> None:
    files = [Path(f"{number}.py") for number in range(10)]
    rounds = [list(go_round(files, turn, turns)) for turn in range(turns)]
    assert all(sorted(one) == sorted(files) for one in rounds)
    assert len({one[0] for one in rounds}) == turns


def test_what_is_compiled_is_found_and_done_again_only_where_its_source_changed(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    test, source, foreign = (tmp_path / name for name in ("tests/test_it.py", "agent/it.py", "else/it.py"))
    for path in (test, source, foreign):
        path.parent.mkdir()
        path.write_text(TEST.format(value=1))
    kept = get_cache_dir(test) / (test.stem + PYC_TAIL)
    plain = Path(importlib.util.cache_from_source(str(source)))

    compile_all(tmp_path, pytestconfig, 0, 1)
    code = _read_pyc(test, kept)
    assert code is not None
    assert "@pytest_ar" in code.co_names, "its assertions tell what they saw"
    assert plain.exists()
    assert not Path(importlib.util.cache_from_source(str(foreign))).exists()

    before = kept.stat().st_ino, plain.stat().st_ino
    compile_all(tmp_path, pytestconfig, 0, 1)
    assert (kept.stat().st_ino, plain.stat().st_ino) == before

    test.write_text(TEST.format(value=2))
    os.utime(test, (kept.stat().st_mtime + 5,) * 2)
    assert _read_pyc(test, kept) is None
    compile_all(tmp_path, pytestconfig, 0, 1)
    assert _read_pyc(test, kept) is not None
