from pathlib import Path

import pytest

from ml_assets.errors import ArtifactError
from ml_assets.learning.storage import MANIFEST, read_verified, stored_digest, write_atomically


def two_files(directory: Path) -> None:
    (directory / "a.txt").write_text("alpha")
    (directory / "b.bin").write_bytes(bytes(range(256)))


def other_file(directory: Path) -> None:
    (directory / "c.txt").write_text("gamma")


def broken(directory: Path) -> None:
    two_files(directory)
    raise OSError("disk full")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    digest = write_atomically(tmp_path / "deep" / "m", two_files)
    assert read_verified(tmp_path / "deep" / "m", digest=digest) == {"a.txt": b"alpha", "b.bin": bytes(range(256))}
    assert stored_digest(tmp_path / "deep" / "m") == digest
    assert len(digest) == 64


def test_a_crash_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"):
        write_atomically(tmp_path / "m", broken)
    assert list(tmp_path.iterdir()) == []


def test_same_content_again_is_fine_other_content_needs_a_word(tmp_path: Path) -> None:
    first = write_atomically(tmp_path / "m", two_files)
    assert write_atomically(tmp_path / "m", two_files) == first
    with pytest.raises(ArtifactError, match="taken"):
        write_atomically(tmp_path / "m", other_file)
    assert stored_digest(tmp_path / "m") == first
    second = write_atomically(tmp_path / "m", other_file, overwrite=True)
    assert read_verified(tmp_path / "m", digest=second) == {"c.txt": b"gamma"}
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_every_change_is_refused_and_named(tmp_path: Path) -> None:
    place = tmp_path / "m"
    digest = write_atomically(place, two_files)

    (place / "a.txt").write_text("alphA")
    with pytest.raises(ArtifactError, match=r"a\.txt with sha256 \w{64}; allowed: sha256 \w{64}"):
        read_verified(place)
    (place / "a.txt").unlink()
    with pytest.raises(ArtifactError, match=r"no a\.txt"):
        read_verified(place)
    (place / "a.txt").symlink_to(place / "b.bin")
    with pytest.raises(ArtifactError, match="ordinary"):
        read_verified(place)
    (place / "a.txt").unlink()
    (place / "a.txt").write_text("alpha")
    assert read_verified(place, digest=digest)

    (place / "folder").mkdir()
    with pytest.raises(ArtifactError, match="extra folder"):
        read_verified(place)
    (place / "folder").rmdir()
    with pytest.raises(ArtifactError, match="released digest 0000"):
        read_verified(place, digest="0000")


@pytest.mark.parametrize("content", ["no json", "[]", '{"format": 1}', '{"format": 9, "files": {}}'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    write_atomically(tmp_path / "m", two_files)
    (tmp_path / "m" / MANIFEST).write_text(content)
    with pytest.raises(ArtifactError, match=r"MANIFEST|manifest|format"):
        read_verified(tmp_path / "m")


def test_a_place_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no MANIFEST"):
        read_verified(tmp_path)
