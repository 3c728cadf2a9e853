from pathlib import Path

import pytest

from evidence import keys


def test_rfc_8032_test_1() -> None:
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    assert keys.public(secret).hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    signature = keys.sign(secret, b"")
    assert signature.hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")
    assert keys.verify(keys.public(secret), signature, b"")
    assert not keys.verify(keys.public(secret), signature, b"x")
    assert not keys.verify(bytes(32), signature, b"")
    assert not keys.verify(b"short", signature, b"")
    assert not keys.verify(keys.public(secret), b"short", b"")


def test_a_key_file_comes_back_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "centre.key"
    secret = keys.create_key_file(path)
    assert keys.load_key_file(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        keys.create_key_file(path)


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (None, 0, "no key"),
        ("zz", 0o600, "no key"),
        ("ab" * 31, 0o600, "holds 31 bytes"),
        ("ab" * 32, 0o640, "others may read"),
    ],
)
def test_a_bad_key_file_says_what_is_wrong(
    tmp_path: Path, content: str | None, mode: int, message: str
) -> None:
    path = tmp_path / "centre.key"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(keys.KeyFileError, match=message):
        keys.load_key_file(path)
