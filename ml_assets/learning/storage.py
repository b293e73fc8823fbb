"""A directory of model files that is written whole or not at all, and refused when it is not what was written."""

import json
import secrets
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from ml_assets.errors import ArtifactError

MANIFEST = "MANIFEST.json"
_FORMAT = 1


def write_atomically(directory: Path, write: Callable[[Path], None], *, overwrite: bool = False) -> str:
    """Let ``write(temporary directory)`` make the files, add the manifest, and rename the whole into place.

    Returns the digest: the sha256 of the manifest, which holds the sha256 of every file. Writing the same content again
    is fine; other content in the same place raises ``ArtifactError`` unless ``overwrite``.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = directory.with_name(f".{directory.name}.{secrets.token_hex(6)}")
    fresh.mkdir()
    try:
        write(fresh)
        digest = _seal(fresh)
        _place(fresh, directory, digest, overwrite)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return digest


def read_verified(directory: Path, *, digest: str | None = None) -> dict[str, bytes]:
    """Every file of the directory, by name, after each was found to be the one that was written.

    The bytes returned are those that were checked. Raises ``ArtifactError`` when the manifest is missing, unreadable or
    not the one of ``digest``, or when a file is missing, changed, or not listed (links and folders are never listed).
    """
    manifest = _manifest_bytes(directory)
    found = _sha(manifest)
    if digest is not None and found != digest:
        _refuse(directory, f"manifest with sha256 {found}", f"the released digest {digest}")
    expected = _listed(directory, manifest)
    present = {path.name for path in directory.iterdir()} - {MANIFEST}
    if extra := sorted(present - set(expected)):
        _refuse(directory, f"extra {', '.join(extra)}", f"only {', '.join(sorted(expected))}")
    if absent := sorted(set(expected) - present):
        _refuse(directory, f"no {', '.join(absent)}", f"all of {', '.join(sorted(expected))}")
    return {name: _checked(directory / name, wanted) for name, wanted in expected.items()}


def stored_digest(directory: Path) -> str:
    """The digest of what is stored there; the files themselves are not read."""
    return _sha(_manifest_bytes(directory))


def _seal(directory: Path) -> str:
    files = {path.name: _sha(path.read_bytes()) for path in sorted(directory.iterdir())}
    content = json.dumps({"files": files, "format": _FORMAT}, sort_keys=True, indent=1).encode()
    (directory / MANIFEST).write_bytes(content)
    return _sha(content)


def _place(fresh: Path, directory: Path, digest: str, overwrite: bool) -> None:
    if not directory.exists() or not any(directory.iterdir()):
        fresh.replace(directory)
        return
    if (directory / MANIFEST).is_file() and stored_digest(directory) == digest:
        read_verified(directory, digest=digest)
        return
    if not overwrite:
        raise ArtifactError(
            f"{directory.name} is taken by something else",
            got=sorted(path.name for path in directory.iterdir()),
            allowed="a new or empty directory",
            do="Choose another directory, or overwrite on purpose",
        )
    aside = directory.with_name(f"{fresh.name}.old")
    directory.rename(aside)
    fresh.rename(directory)
    shutil.rmtree(aside)


def _manifest_bytes(directory: Path) -> bytes:
    path = directory / MANIFEST
    if not path.is_file():
        _refuse(directory, f"no {MANIFEST}", f"a {MANIFEST} that lists every file")
    return path.read_bytes()


def _listed(directory: Path, manifest: bytes) -> dict[str, str]:
    try:
        content: Any = json.loads(manifest)
        files = {str(name): str(value) for name, value in content["files"].items()}
        format_found = content["format"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise ArtifactError(f"{MANIFEST} of {directory.name} is unreadable", got=got, allowed="JSON", do=_DO) from error
    if format_found != _FORMAT:
        _refuse(directory, f"manifest format {format_found}", f"format {_FORMAT}")
    return files


def _checked(path: Path, wanted: str) -> bytes:
    if path.is_symlink() or not path.is_file():
        _refuse(path.parent, f"{path.name} is no ordinary file", "ordinary files")
    content = path.read_bytes()
    if (found := _sha(content)) != wanted:
        _refuse(path.parent, f"{path.name} with sha256 {found}", f"sha256 {wanted}")
    return content


_DO = "Restore the released files or release again; do not use these"


def _refuse(directory: Path, got: str, allowed: str) -> None:
    raise ArtifactError(f"Model in {directory.name} is not the one that was released", got=got, allowed=allowed, do=_DO)


def _sha(content: bytes) -> str:
    return sha256(content).hexdigest()
