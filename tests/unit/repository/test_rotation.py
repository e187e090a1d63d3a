"""From one key to another: what is refused, and what hosts are given at each step."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from pysequoia import Cert

from omnibuild.errors import RepositoryError, SigningKeyError, UsageError
from omnibuild.repository import layout
from omnibuild.repository.apt.release import SIGNATURE_HEADER
from omnibuild.repository.keys import rotation, trusted
from omnibuild.repository.keys.overview import keys_of
from omnibuild.repository.life.checking import check
from omnibuild.repository.publish import publish, remove
from omnibuild.repository.state.entries import Deb, Rpm
from omnibuild.repository.state.head import load, read_release
from omnibuild.repository.targets import open_target
from omnibuild.signing.certificate import Certificate, read_certificate
from omnibuild.signing.messages import packets
from omnibuild.signing.signer import load_certificate, load_signer
from omnibuild.signing.verifier import load_verifier
from tests.unit.repository.samples import EL9, LINUX, PLATFORMS, package, signer
from tests.unit.signing.keyring import keyring

P = TypeVar("P", Deb, Rpm)

OTHER = "Somebody else <else@shop.example>"
OLD, NEW = signer(), signer(OTHER)
BOTH = msgspec.structs.replace(NEW, others=(OLD,))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(files, root, OLD, platforms=PLATFORMS)
    return root


def announced(root: Path, days: float = 0) -> None:
    """Announce the new key, so many days ago."""
    rotation.announce(root, OLD, NEW.certificate)
    pass_time(root, days)


def pass_time(root: Path, days: float) -> None:
    """Have the keys that were announced be so for some days."""
    state = load(open_target(root))
    assert state.head
    since = int(time.time() - days * trusted.DAY)
    keys = [
        msgspec.structs.replace(key, since=since) if key.since else key
        for key in state.head.repository.keys
    ]
    state.commit(msgspec.structs.replace(state.head.repository, keys=tuple(keys)), {})


def keys_given(root: Path) -> set[str]:
    """Return the keys that new hosts get, which all files agree on."""
    found = []
    for path in (root / "keys").iterdir():
        found.append({cert.fingerprint.upper() for cert in Cert.split_bytes(path.read_bytes())})
    assert all(each == found[0] for each in found)
    return found[0]


def issuers(path: Path) -> list[str | None]:
    _, mark, rest = path.read_bytes().rpartition(b"-----BEGIN PGP SIGNATURE")
    return [packet.issuer_fingerprint for packet in packets(mark + rest)]


def signed_by(root: Path) -> tuple[list[str], list[str]]:
    """Return who signed what can have several signatures, and who what has one."""
    (release,) = {tuple(issuers(path)) for path in root.glob("apt/dists/*/InRelease")}
    assert tuple(issuers(root / "apt/dists/stable/Release.gpg")) == release
    single = [*root.glob("yum/*/*/*/repodata/repomd.xml.asc"), *root.glob("downloads/*.asc")]
    assert len(single) == 2
    (others,) = {tuple(issuers(path)) for path in (*single, root / "install.sh.asc")}
    return [str(each).upper() for each in release], [str(each).upper() for each in others]


def versions(root: Path, channel: str = "stable") -> set[str]:
    """Return the versions of the keyring package in all places of a channel."""
    content = load(open_target(root)).channel(channel)
    found = [
        *({deb.version for deb in keyrings(index)} for index in content.suites.values()),
        *({rpm.version for rpm in keyrings(index)} for index in content.trees.values()),
    ]
    assert all(each == found[0] for each in found)
    return found[0]


def keyrings(packages: Iterable[P]) -> list[P]:
    return [each for each in packages if layout.is_keyring_package(each.name)]


def test_a_key_follows_another(tmp_path: Path, repository: Path) -> None:
    assert (versions(repository), keys_given(repository)) == ({"1-1"}, {OLD.fingerprint})
    announced(repository, days=31)
    both = {OLD.fingerprint, NEW.fingerprint}
    assert (versions(repository), keys_given(repository)) == ({"2-1"}, both)
    assert signed_by(repository) == ([OLD.fingerprint], [OLD.fingerprint])
    publish([package(tmp_path, "more")], repository, OLD, platforms=PLATFORMS)

    rotation.switch(repository, BOTH)
    assert signed_by(repository) == ([NEW.fingerprint, OLD.fingerprint], [NEW.fingerprint])
    newer = package(tmp_path, version="2.0", platform=EL9)
    publish([newer], repository, BOTH, platforms=PLATFORMS)
    rotation.switch(repository, NEW)
    assert signed_by(repository) == ([NEW.fingerprint], [NEW.fingerprint])
    assert (versions(repository), keys_given(repository)) == ({"2-1"}, both)

    with pytest.raises(SigningKeyError, match="packages which dnf hosts could no longer") as caught:
        rotation.drop(repository, NEW, OLD.fingerprint)
    assert caught.value.why == "stable: hello 1.0-1 (x86_64)"
    remove(["hello=1.0-1"], repository, NEW)
    rotation.drop(repository, NEW, OLD.fingerprint)
    assert (versions(repository), keys_given(repository)) == ({"3-1"}, {NEW.fingerprint})
    assert not publish([], repository, NEW, platforms=PLATFORMS).changed


def test_what_a_dropped_key_signed_before_is_no_damage(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    url = "https://pkg.shop.example"
    publish([package(tmp_path, platform=EL9)], root, OLD, "stable", PLATFORMS, url)
    announced(root, days=31)
    rotation.switch(root, NEW)
    publish([package(tmp_path, version="2.0", platform=EL9)], root, NEW, "stable", PLATFORMS)
    remove(["hello=1.0-1"], root, NEW)
    rotation.drop(root, NEW, OLD.fingerprint)
    (old,) = issuers(root / "yum/stable/el9/x86_64/gen-1/repodata/repomd.xml.asc")
    assert str(old).upper() == OLD.fingerprint
    assert check(root, deep=True).faults == []


def test_hosts_need_time(repository: Path) -> None:
    announced(repository, days=29)
    for signers in (NEW, BOTH):
        with pytest.raises(SigningKeyError, match="hosts that did not upgrade") as caught:
            rotation.switch(repository, signers)
        assert "--cut-off-hosts" in caught.value.hint
    assert signed_by(repository) == ([OLD.fingerprint], [OLD.fingerprint])
    rotation.switch(repository, NEW, insist=True)
    assert signed_by(repository) == ([NEW.fingerprint], [NEW.fingerprint])


def test_apt_alone_needs_none_while_both_sign(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    publish([package(tmp_path)], root, OLD)
    announced(root)
    with pytest.raises(SigningKeyError) as caught:
        rotation.switch(root, NEW)
    assert "have the old key sign, too" in caught.value.hint
    rotation.switch(root, BOTH)
    with pytest.raises(SigningKeyError, match="hosts that did not upgrade"):
        rotation.switch(root, NEW)


def test_who_signs_is_who_publishes(tmp_path: Path, repository: Path) -> None:
    deb = package(tmp_path, "more")
    with pytest.raises(SigningKeyError, match="belongs to another key"):
        publish([deb], repository, NEW)
    announced(repository, days=31)
    with pytest.raises(SigningKeyError, match="other ones sign the repository"):
        publish([deb], repository, NEW)
    rotation.switch(repository, BOTH)
    for wrong in (NEW, OLD, msgspec.structs.replace(OLD, others=(NEW,))):
        with pytest.raises(SigningKeyError, match="not all keys that sign"):
            publish([deb], repository, wrong)
    with pytest.raises(SigningKeyError, match="belongs to other keys"):
        publish([deb], repository, signer("Stranger <s@shop.example>"))


def test_what_makes_no_sense_is_refused(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(UsageError, match="already"):
        rotation.announce(repository, OLD, OLD.certificate)
    with pytest.raises(SigningKeyError, match="hosts do not have this key"):
        rotation.switch(repository, NEW)
    with pytest.raises(UsageError, match="hosts have no key"):
        rotation.drop(repository, OLD, NEW.fingerprint)
    with pytest.raises(SigningKeyError, match="the key signs the repository"):
        rotation.drop(repository, OLD, OLD.fingerprint, insist=True)
    with pytest.raises(RepositoryError, match="this is no repository"):
        rotation.announce(tmp_path / "nothing", OLD, NEW.certificate)
    with keyring("nistp256") as ring:
        (tmp_path / "public").write_bytes(ring.gpg("--export"))
    with pytest.raises(SigningKeyError, match="rpm and dnf cannot verify"):
        rotation.announce(repository, OLD, read_certificate(str(tmp_path / "public")))
    assert keys_given(repository) == {OLD.fingerprint}


def test_an_extended_key_reaches_hosts_by_the_package(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    with keyring("rsa3072", end="100d") as ring:
        before = load_signer(ring.export(tmp_path / "before"))
        publish([package(tmp_path)], root, before)
        ring.gpg("--quick-set-expire", ring.fingerprint, "300d")
        after = load_signer(ring.export(tmp_path / "after"))
    publish([], root, after)
    assert versions(root) == {"2-1"}
    (row,) = keys_of(root)
    assert row.signs
    assert row.expires == f"{after.expires:%Y-%m-%d}"


def test_what_an_extended_key_signed_before_is_signed_again(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    tarballs = [package(tmp_path, name, platform=LINUX) for name in ("tool", "more")]
    with keyring("rsa3072", end="100d") as ring:
        before = load_signer(ring.export(tmp_path / "before"))
        publish(tarballs[:1], root, before, channel="beta", platforms=PLATFORMS)
        publish(tarballs[:1], root, before, platforms=PLATFORMS)
        places = (f"downloads/{tarballs[0].name}.asc", layout.tarball_list("beta"))
        signatures = [root / place for place in places]
        old = [file.read_bytes() for file in signatures]
        # What is signed in the same second is as old as the key is now.
        time.sleep(1.1)
        ring.gpg("--quick-set-expire", ring.fingerprint, "300d")
        after = load_signer(ring.export(tmp_path / "after"))
    # Another package in one channel: those of before are in none that changes.
    publish(tarballs[1:], root, after, platforms=PLATFORMS)
    assert all(file.read_bytes() != was for file, was in zip(signatures, old, strict=True))
    new = [file.read_bytes() for file in signatures]
    text, mark, rest = new[1].partition(SIGNATURE_HEADER)
    public = tmp_path / "public"
    public.write_bytes(after.public_key_armored)
    verifier = load_verifier([public])
    # It goes by the time of a signature.
    assert not verifier.is_signed(tarballs[0].read_bytes(), old[0])
    assert verifier.is_signed(tarballs[0].read_bytes(), new[0])
    assert verifier.is_signed(text, mark + rest)
    publish([package(tmp_path, "last", platform=LINUX)], root, after, platforms=PLATFORMS)
    assert [file.read_bytes() for file in signatures] == new


def test_each_channel_has_the_keyring(tmp_path: Path, repository: Path) -> None:
    publish([package(tmp_path, "more")], repository, OLD, channel="beta", platforms=PLATFORMS)
    announced(repository)
    assert versions(repository) == versions(repository, "beta") == {"2-1"}


def test_the_keyring_is_made_again_where_it_is_missing(tmp_path: Path, repository: Path) -> None:
    before = load(open_target(repository)).releases["stable"]
    deb = next(repository.glob("apt/pool/main/*/*keyring/*.deb"))
    data = deb.read_bytes()
    deb.write_bytes(b"damaged")
    publish([package(tmp_path, "more")], repository, OLD, platforms=PLATFORMS)
    # It is not looked at for each package, and it is for none.
    assert deb.read_bytes() == b"damaged"
    publish([], repository, OLD, platforms=PLATFORMS)
    assert deb.read_bytes() == data
    state = load(open_target(repository))
    keyring_deb = next(iter(keyrings(state.channel("stable").suites["stable"])))
    state.channel("stable").suites["stable"].lists["all"].forget(keyring_deb.key)
    contents = state.channel("stable").contents()
    release = msgspec.structs.replace(read_release(state.target, before), contents=contents)
    assert state.commit(state.head.repository, {"stable": release})  # type: ignore[union-attr]
    publish([package(tmp_path, "third")], repository, OLD, platforms=PLATFORMS)
    assert versions(repository) == {"1-1"}


def test_keys_are_told(repository: Path) -> None:
    announced(repository)
    old, new = keys_of(repository)
    assert (old.signs, new.signs) == (True, False)
    assert (old.switch_from, old.since) == ("", "")
    assert new.switch_from == trusted.date_of(int(time.time()) + trusted.OVERLAP)
    assert new.user_id == OTHER
    assert "ends never" in new.about


def test_a_key_is_announced_by_either_half(tmp_path: Path) -> None:
    with keyring() as ring:
        secret = ring.export(tmp_path / "secret")
        (tmp_path / "public").write_bytes(ring.gpg("--export"))
    found: list[Certificate] = [load_certificate(str(secret))]
    found.append(load_certificate(str(tmp_path / "public")))
    assert found[0].fingerprint == found[1].fingerprint
    with pytest.raises(SigningKeyError, match="no key can be read"):
        load_certificate(str(tmp_path / "missing"))


def test_a_removed_tarball_keeps_its_signature(tmp_path: Path, repository: Path) -> None:
    tarball = package(tmp_path, "tool", platform=LINUX)
    publish([tarball], repository, OLD, platforms=PLATFORMS)
    remove([tarball.name], repository, OLD)
    announced(repository, days=31)
    rotation.switch(repository, NEW)
    assert (repository / "downloads" / f"{tarball.name}.asc").exists()
