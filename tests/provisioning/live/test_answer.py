"""`dianjian answer`: what it keeps beside the chain; the whole way is in `tests/e2e/test_orders.py`."""

import hashlib
from pathlib import Path

import pytest
from click.exceptions import Exit

from provisioning.live.answer import FILE_BYTES_MAX, _keep


def test_a_file_has_two_mebibytes_at_most(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(bytes(FILE_BYTES_MAX))
    digest = hashlib.sha256(bytes(FILE_BYTES_MAX)).hexdigest()
    assert _keep(tmp_path, (photo,)) == [{"name": "photo.jpg", "size": FILE_BYTES_MAX, "sha256": digest}]
    for more in (1, 2, 9_000):
        photo.write_bytes(bytes(FILE_BYTES_MAX + more))
        with pytest.raises(Exit):
            _keep(tmp_path, (photo,))
        assert "make it smaller" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "files").iterdir()] == [digest]
