"""What hosts can verify: keys that they cannot take, or not for long; signed tarballs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from omnibuild.errors import RepositoryError, SigningKeyError
from omnibuild.events import Event, Warned
from omnibuild.repository.publish import publish
from omnibuild.repository.trust import key_warnings
from omnibuild.signing.signer import Signer, load_signer
from omnibuild.signing.verifier import load_verifier
from tests.unit.repository.samples import (
    DEBIAN_12,
    EL9,
    LINUX,
    PLATFORMS,
    listing,
    package,
    signer,
)
from tests.unit.signing.keyring import keyring


def warnings(root: Path, key: Signer, *files: Path, platforms: object = PLATFORMS) -> list[str]:
    """Publish, and return what was warned of."""
    events: list[Event] = []
    publish(files, root, key, platforms=platforms, emit=events.append)  # type: ignore[arg-type]
    return [event.message for event in events if isinstance(event, Warned)]


def test_a_key_that_rpm_cannot_verify_is_refused_for_rpms_alone(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    with keyring("nistp256") as ring:
        key = load_signer(ring.export(tmp_path / "key"))
    with pytest.raises(SigningKeyError, match="rpm and dnf cannot verify"):
        publish([package(tmp_path, platform=EL9)], root, key, platforms=PLATFORMS)
    assert not root.exists() or not listing(root)
    deb = package(tmp_path)
    assert "dnf hosts cannot use this repository" in warnings(root, key, deb)[0]
    assert warnings(root, key, deb, platforms=[DEBIAN_12]) == []


def test_who_publishes_is_warned_of_a_near_end_each_time(tmp_path: Path) -> None:
    deb = package(tmp_path)
    with keyring(end="91d") as ring:
        far = load_signer(ring.export(tmp_path / "far"))
        # Whole days that are left: 90.
        assert "in 90 days" in warnings(tmp_path / "a", far, deb)[0]
        ring.gpg("--quick-set-expire", ring.fingerprint, "92d")
        later = load_signer(ring.export(tmp_path / "later"))
        assert warnings(tmp_path / "b", later, deb) == []
        ring.gpg("--quick-set-expire", ring.fingerprint, "seconds=600")
        near = load_signer(ring.export(tmp_path / "near"))
    for _ in range(2):
        (message,) = warnings(tmp_path / "c", near, deb)
        assert "in 0 days" in message
        assert "gpg --quick-set-expire" in message


def test_a_moved_end_says_what_old_hosts_need(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    with keyring(end="100d") as ring:
        before = load_signer(ring.export(tmp_path / "before"))
        assert warnings(root, before, package(tmp_path)) == []
        ring.gpg("--quick-set-expire", ring.fingerprint, "0")
        after = load_signer(ring.export(tmp_path / "after"))
    (message,) = warnings(root, after)
    assert f"the key's end moved from {before.expires:%Y-%m-%d} to never" in message
    assert "install.sh" in message
    # What new hosts get is the new key.
    assert after.public_key_armored.decode() in (root / "install.sh").read_text()
    assert warnings(root, after) == []


def test_a_new_subkey_says_that_old_hosts_refuse_it() -> None:
    # A key that signs by a part which the published copy does not have.
    other = msgspec.structs.replace(signer(), signing="F" * 40)
    (message,) = key_warnings(other, signer().public_key_binary, yum=True)
    assert "has a new subkey that signs" in message
    assert list(key_warnings(signer(), signer().public_key_binary, yum=True)) == []


def test_tarballs_are_signed(tmp_path: Path) -> None:
    root, tarball = tmp_path / "repository", package(tmp_path, platform=LINUX)
    publish([tarball], root, signer(), platforms=PLATFORMS)
    published = root / "downloads" / tarball.name
    signature = published.with_name(f"{tarball.name}.asc").read_bytes()
    assert signature.startswith(b"-----BEGIN PGP SIGNATURE-----")
    public = tmp_path / "public"
    public.write_bytes(signer().public_key_armored)
    assert load_verifier([public]).is_signed(published.read_bytes(), signature)


def test_tarballs_of_an_older_repository_get_signatures_unless_replaced(tmp_path: Path) -> None:
    root, tarball = tmp_path / "repository", package(tmp_path, platform=LINUX)
    publish([tarball], root, signer(), platforms=PLATFORMS)
    published = root / "downloads" / tarball.name
    signature = published.with_name(f"{tarball.name}.asc")
    signature.unlink()
    publish([], root, signer(), platforms=PLATFORMS)
    assert signature.exists()
    signature.unlink()
    published.write_bytes(b"other bytes")
    with pytest.raises(RepositoryError, match="not the one that was published"):
        publish([], root, signer(), platforms=PLATFORMS)
    assert not signature.exists()


def test_a_replaced_checksum_is_put_right(tmp_path: Path) -> None:
    root, tarball = tmp_path / "repository", package(tmp_path, platform=LINUX)
    publish([tarball], root, signer(), platforms=PLATFORMS)
    before = listing(root)
    (root / "downloads" / f"{tarball.name}.sha256").write_text("0" * 64 + f"  {tarball.name}\n")
    publish([], root, signer(), platforms=PLATFORMS)
    assert listing(root) == before


@pytest.mark.parametrize("content", [b"\x99garbage", b"", b"-----BEGIN PGP PUBLIC KEY BLOCK-----"])
def test_a_damaged_public_key_is_written_again(tmp_path: Path, content: bytes) -> None:
    root = tmp_path / "repository"
    publish([], root, signer(), platforms=PLATFORMS)
    (published,) = (root / "keys").glob("*.gpg")
    good = published.read_bytes()
    published.write_bytes(content)
    assert not warnings(root, signer())
    assert published.read_bytes() == good
