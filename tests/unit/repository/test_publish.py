"""Publishing into a directory: routing, identity, idempotence, what is refused."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from omnibuild.digests import of_file
from omnibuild.errors import (
    IdentityConflictError,
    PackageError,
    RepositoryError,
    SigningKeyError,
    StorageError,
    UsageError,
)
from omnibuild.events import ArtifactAdded, Event, Warned, silent
from omnibuild.files import TEMPORARY_PREFIX
from omnibuild.package.rpm.reader import read_rpm, read_rpm_headers
from omnibuild.package.rpm.tags import SignatureTag
from omnibuild.repository import layout
from omnibuild.repository.intake import goes_with_another
from omnibuild.repository.publish import Published, publish, remove
from omnibuild.repository.targets.directory import DirectoryTarget
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import Signer, load_signer
from tests.unit.repository.samples import (
    DEBIAN_11,
    DEBIAN_12,
    EL9,
    LINUX,
    PLATFORMS,
    created_signer,
    listing,
    package,
    signer,
)

URL = "https://packages.shop.example/repo"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def into(repository: Path, *files: Path, channel: str = "stable", base_url: str = URL) -> Published:
    return publish(files, repository, signer(), channel, PLATFORMS, base_url)


def packages(repository: Path, suite: str) -> str:
    packed = repository / f"apt/dists/{suite}/main/binary-amd64/Packages.gz"
    return gzip.decompress(packed.read_bytes()).decode()


def test_every_package_goes_to_its_place(tmp_path: Path, repository: Path) -> None:
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    events: list[Event] = []
    release = publish(files, repository, signer(), "stable", PLATFORMS, URL, events.append)
    assert release.suites == ("stable", "stable-deb11")
    assert release.trees == ("el9",)
    assert release.changed
    assert release.added == (
        "hello 1.0-1~deb11 (amd64)",
        "hello 1.0-1 (amd64)",
        "hello 1.0-1 (x86_64)",
        f"{files[3].name}",
    )
    assert "Version: 1.0-1\n" in packages(repository, "stable")
    assert "~deb11" not in packages(repository, "stable")
    assert "Version: 1.0-1~deb11\n" in packages(repository, "stable-deb11")
    tree = repository / "yum/stable/el9/x86_64"
    assert (tree / "mirrorlist").read_text() == f"{URL}/yum/stable/el9/x86_64/gen-1/\n"
    checksum = (repository / f"downloads/{files[3].name}.sha256").read_text()
    assert checksum.endswith(f"  {files[3].name}\n")
    assert sum(isinstance(event, ArtifactAdded) for event in events) == 4


@pytest.mark.parametrize(
    ("make", "tag"), [(created_signer, SignatureTag.RSA), (signer, SignatureTag.DSA)]
)
def test_rpms_are_signed_and_keep_their_identity(
    make: Callable[[], Signer], tag: SignatureTag, tmp_path: Path, repository: Path
) -> None:
    source = package(tmp_path, platform=EL9)
    publish([source], repository, make(), platforms=PLATFORMS)
    published = repository / "yum/stable/el9/x86_64/Packages/h" / source.name
    signatures = {SignatureTag.RSA, SignatureTag.DSA}
    assert not signatures & read_rpm_headers(source).signature.fields().keys()
    assert signatures & read_rpm_headers(published).signature.fields().keys() == {tag}
    assert read_rpm(published).header_digest == read_rpm(source).header_digest


def test_publishing_again_changes_nothing(tmp_path: Path, repository: Path) -> None:
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    first = into(repository, *files)
    before = listing(repository)
    again = into(repository, *files, base_url="")
    assert listing(repository) == before
    assert (again.changed, again.added, again.digest) == (False, (), first.digest)


def test_sidecars_are_passed_over(tmp_path: Path, repository: Path) -> None:
    file = package(tmp_path)
    sidecars = sorted(file.parent.iterdir())
    assert len(sidecars) > 1
    assert len(into(repository, *sidecars).added) == 1


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_other_content_under_the_same_name_is_refused(
    tmp_path: Path, repository: Path, platform: object
) -> None:
    assert platform in (DEBIAN_11, DEBIAN_12, EL9, LINUX)
    into(repository, package(tmp_path, platform=platform))
    before = listing(repository)
    other = package(tmp_path, platform=platform, content="other")
    with pytest.raises(IdentityConflictError) as caught:
        into(repository, package(tmp_path, "newer", platform=platform), other)
    assert listing(repository) == before
    assert "revision" in caught.value.hint
    with pytest.raises(IdentityConflictError):
        into(repository, other, channel="testing")
    assert listing(repository) == before


def test_two_contents_in_one_call_are_refused(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(IdentityConflictError):
        into(repository, package(tmp_path), package(tmp_path, content="other"))
    assert not listing(repository)


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_damaged_packages_are_refused(
    tmp_path: Path, repository: Path, platform: object, damage: str
) -> None:
    assert platform in (DEBIAN_11, DEBIAN_12, EL9, LINUX)
    into(repository, package(tmp_path))
    before = listing(repository)
    file = package(tmp_path, "broken", platform=platform, content="x" * 5000)
    content = bytearray(file.read_bytes())
    if damage == "flip":
        for position in range(len(content) - 60, len(content) - 40):
            content[position] ^= 0xFF
    file.write_bytes({"cut": content[:-30], "flip": content, "empty": b""}[damage])
    with pytest.raises(PackageError):
        into(repository, file)
    assert listing(repository) == before


def test_what_is_no_package_is_refused(tmp_path: Path, repository: Path) -> None:
    stray = tmp_path / "notes.txt"
    stray.write_text("hello")
    with pytest.raises(PackageError):
        into(repository, stray)
    with pytest.raises(PackageError):
        into(repository, tmp_path / "missing_1.0_amd64.deb")
    assert not repository.exists()


@pytest.mark.parametrize(
    ("name", "manager"),
    [("a-1-1-x86_64.pkg.tar.zst", "pacman"), ("a-1-r1.apk", "apk"), ("a_1-1_x86_64.ipk", "opkg")],
)
def test_packages_of_other_managers_are_refused(
    tmp_path: Path, repository: Path, name: str, manager: str
) -> None:
    other = tmp_path / name
    other.write_bytes(package(tmp_path, platform=LINUX).read_bytes())
    with pytest.raises(PackageError, match=f"packages for {manager} are in no apt") as caught:
        into(repository, other)
    assert caught.value.hint.endswith(f"{name}")
    assert not repository.exists()


def test_an_rpm_needs_a_platform(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(PackageError, match="x86_64"):
        publish([package(tmp_path, platform=EL9)], repository, signer(), platforms=[DEBIAN_12])
    assert not repository.exists()


def test_all_files_that_are_refused_are_named(tmp_path: Path, repository: Path) -> None:
    into(repository, package(tmp_path))
    before = listing(repository)
    empty, rpm = tmp_path / "empty.deb", package(tmp_path, platform=EL9)
    empty.write_bytes(b"")
    files = [package(tmp_path, "fine"), empty, rpm]
    with pytest.raises(PackageError, match="2 files cannot be published") as refused:
        publish(files, repository, signer(), platforms=[DEBIAN_12])
    assert all(f"{path}: " in refused.value.why for path in (empty, rpm))
    assert str(files[0]) not in refused.value.why
    others = [package(tmp_path, content="a"), package(tmp_path, "fine")]
    others += [package(tmp_path, "fine", content="b")]
    with pytest.raises(IdentityConflictError, match="2 files cannot be published") as conflicts:
        into(repository, *others)
    assert [str(path) in conflicts.value.why for path in others] == [True, False, True]
    assert listing(repository) == before


def test_an_architecture_that_no_platform_has_is_told(tmp_path: Path, repository: Path) -> None:
    assert DEBIAN_12.deb
    form = msgspec.structs.replace(DEBIAN_12.deb, architecture="riscv64")
    foreign = package(tmp_path, platform=msgspec.structs.replace(DEBIAN_12, deb=form))
    events: list[Event] = []
    publish(
        [foreign, package(tmp_path, "own")],
        repository,
        signer(),
        "stable",
        PLATFORMS,
        URL,
        events.append,
    )
    (told,) = [each.message for each in events if isinstance(each, Warned)]
    assert told.startswith("hello 1.0-1 (riscv64) is listed; no platform has this architecture")


def test_another_key_is_refused(tmp_path: Path, repository: Path) -> None:
    into(repository, package(tmp_path))
    before = listing(repository)
    other = signer("Somebody else <else@shop.example>")
    with pytest.raises(SigningKeyError) as caught:
        publish([package(tmp_path, "newer")], repository, other, platforms=PLATFORMS)
    assert other.fingerprint in caught.value.why
    assert listing(repository) == before


def test_a_foreign_directory_is_left_alone(tmp_path: Path, repository: Path) -> None:
    repository.mkdir()
    (repository / "index.html").write_text("my home page")
    with pytest.raises(RepositoryError):
        into(repository, package(tmp_path))
    assert (repository / "index.html").read_text() == "my home page"


@pytest.mark.parametrize(
    "url", ["ftp://x", "https://", "https://x y", "https://x/a,b", "https://x'$(id)", "x"]
)
def test_addresses_that_cannot_be(repository: Path, url: str) -> None:
    with pytest.raises(UsageError):
        into(repository, base_url=url)


def test_channels_share_content(tmp_path: Path, repository: Path) -> None:
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    into(repository, *files, channel="testing")
    assert "apt/dists/stable/InRelease" not in listing(repository)
    into(repository, *files)
    rpm = files[2].name
    signed = [
        repository / f"yum/{channel}/el9/x86_64/Packages/h/{rpm}"
        for channel in ("stable", "testing")
    ]
    # One signature, so one content wherever a host looks.
    assert signed[0].read_bytes() == signed[1].read_bytes()


def test_a_new_address_reaches_all_channels(tmp_path: Path, repository: Path) -> None:
    into(repository, package(tmp_path, platform=EL9), channel="testing")
    release = into(repository, base_url="https://elsewhere.example/")
    assert release.changed
    mirrorlist = (repository / "yum/testing/el9/x86_64/mirrorlist").read_text()
    assert mirrorlist.startswith("https://elsewhere.example/yum/testing/")


def test_an_empty_repository_has_every_place(repository: Path) -> None:
    release = into(repository)
    assert release.suites == ("stable", "stable-deb11")
    assert "hello" not in packages(repository, "stable-deb11")
    assert (repository / "yum/stable/el9/x86_64/repodata/repomd.xml").exists()


def test_everybody_can_read_whatever_the_umask(tmp_path: Path, repository: Path) -> None:
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    before = os.umask(0o077)
    try:
        into(repository, *files)
    finally:
        os.umask(before)
    for path in (repository, *repository.rglob("*")):
        if path.name == "lock":
            continue
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_the_next_publisher_sweeps_after_a_killed_one(tmp_path: Path, repository: Path) -> None:
    into(repository)
    left = repository / f"apt/pool/{TEMPORARY_PREFIX}left"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    into(repository)
    assert left.exists(), "without need nothing is searched"
    killed = repository / f"state/{TEMPORARY_PREFIX}scratch"
    killed.mkdir()
    into(repository, package(tmp_path))
    assert not left.exists()
    assert not killed.exists()


def test_nobody_sweeps_what_a_living_publisher_holds(repository: Path) -> None:
    into(repository)
    with DirectoryTarget(repository).scratch() as scratch:
        into(repository)
        assert scratch.exists()


def killed_before(name: str, root: Path, *files: Path, channel: str, url: str = URL) -> None:
    """Publish, and stop as by a kill just before a file with that in its path gets its name."""

    class Killed(BaseException):
        pass

    def rename(source: str, target: Path) -> None:
        if name in str(target):
            raise Killed
        os.rename(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omnibuild.files.os.replace", rename)
        with pytest.raises(Killed):
            into(root, *files, channel=channel, base_url=url)


def test_an_unfinished_channel_is_completed_by_who_publishes_to_another(
    tmp_path: Path, repository: Path
) -> None:
    into(repository, package(tmp_path), channel="testing")
    newer = [package(tmp_path, version="2.0"), package(tmp_path, version="2.0", platform=EL9)]
    killed_before("dists/testing", repository, *newer, channel="testing")
    assert "Version: 2.0" not in packages(repository, "testing")
    release = into(repository)
    assert release.changed
    assert "Version: 2.0" in packages(repository, "testing")
    assert (repository / "yum/testing/el9/x86_64/gen-2").exists()


def test_an_unfinished_removal_is_completed_by_the_same_words(
    tmp_path: Path, repository: Path
) -> None:
    into(repository, package(tmp_path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omnibuild.repository.publish.show", failing)
        with pytest.raises(RepositoryError):
            remove(["hello"], repository, signer(), reason="CVE-1")
    assert "Version: 1.0" in packages(repository, "stable")
    with pytest.raises(UsageError, match="holds no hello"):
        remove(["hello"], repository, signer(), reason="CVE-1")
    assert "Version: 1.0" not in packages(repository, "stable")


def test_a_new_address_reaches_all_channels_also_after_a_kill(
    tmp_path: Path, repository: Path
) -> None:
    into(repository, package(tmp_path, platform=EL9), channel="testing")
    moved = "https://elsewhere.example"
    killed_before("yum/testing", repository, channel="stable", url=moved)
    into(repository, base_url="")
    mirrorlist = (repository / "yum/testing/el9/x86_64/mirrorlist").read_text()
    assert mirrorlist.startswith(f"{moved}/yum/testing/")


def test_after_a_failure_all_is_looked_through(tmp_path: Path, repository: Path) -> None:
    into(repository)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omnibuild.repository.publish.show", failing)
        with pytest.raises(RepositoryError):
            into(repository, package(tmp_path), channel="testing")
    into(repository)
    assert "Version: 1.0" in packages(repository, "testing")


def failing(*_: object, **__: object) -> bool:
    raise RepositoryError("no space left")


def test_a_clock_that_is_far_behind_is_refused(tmp_path: Path, repository: Path) -> None:
    into(repository)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: 1_700_000_000)
        before = listing(repository)
        with pytest.raises(RepositoryError) as caught:
            into(repository, package(tmp_path))
    assert "clock" in str(caught.value)
    assert listing(repository) == before
    with pytest.MonkeyPatch.context() as patch:
        now = time.time() - 3600
        patch.setattr("time.time", lambda: now)
        into(repository, package(tmp_path))


@pytest.mark.parametrize(
    "content", [b"{", b"", b"null", b"[]", b"\xff\xfe", b'{"debs":' * 100_000, b'"\\ud800"']
)
@pytest.mark.parametrize("name", ["head.json", "releases/*.json", "leaves/*.zst"])
def test_a_damaged_state_names_its_file(
    tmp_path: Path, repository: Path, name: str, content: bytes
) -> None:
    file = package(tmp_path)
    into(repository, file)
    paths = list((repository / "state").glob(name))
    for path in paths:
        path.write_bytes(content)
    before = listing(repository)
    with pytest.raises(RepositoryError) as caught:
        into(repository, file)
    assert caught.value.where
    assert caught.value.where.file in map(str, paths)
    assert listing(repository) == before


def _directory(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [os.mkfifo, _directory])
@pytest.mark.parametrize("name", ["state/head.json", "apt/dists/stable/InRelease"])
def test_what_stands_in_place_of_a_file_is_one_error(
    repository: Path, name: str, make: Callable[[Path], None]
) -> None:
    into(repository)
    (repository / name).unlink()
    make(repository / name)
    with pytest.raises(StorageError, match=Path(name).name):
        into(repository)


def test_the_lock_is_released_after_a_failure(repository: Path) -> None:
    target = DirectoryTarget(repository)
    with pytest.raises(KeyError), target.locked(layout.LOCK, silent):
        raise KeyError
    with target.locked(layout.LOCK, silent):
        pass


def test_the_state_of_an_earlier_omnibuild_is_refused(tmp_path: Path, repository: Path) -> None:
    (repository / "state").mkdir(parents=True)
    (repository / "state/repository.json").write_text("{}")
    with pytest.raises(RepositoryError, match="kept its state in another way"):
        into(repository, package(tmp_path))
    assert len(listing(repository)) == 1


def test_no_two_repositories_have_one_name(tmp_path: Path) -> None:
    names = set()
    for place in ("a", "b"):
        into(tmp_path / place, package(tmp_path))
        head = json.loads((tmp_path / place / "state/head.json").read_text())
        names.add(head["repository"]["name"])
    assert len(names) == 2


@pytest.mark.parametrize("place", ["s3://bucket/x", "gs://b", "file:///srv/x", "host:/srv/x"])
def test_what_is_no_directory_of_this_machine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    file = package(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    with pytest.raises(UsageError, match="no directory"):
        into(Path(place), file)
    with pytest.raises(UsageError, match="no directory"):
        remove(["hello"], Path(place), signer())
    assert not list(empty.iterdir())


def test_removing_takes_a_package_out_of_the_indexes(tmp_path: Path, repository: Path) -> None:
    old = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    new = [package(tmp_path, version="2.0", platform=platform) for platform in PLATFORMS]
    into(repository, *old, *new)
    into(repository, *old, channel="testing")
    release = remove(["hello=1.0-1"], repository, signer())
    assert release.changed
    assert release.removed == ("hello 1.0-1 (amd64)", "hello 1.0-1 (x86_64)")
    assert "Version: 1.0-1\n" not in packages(repository, "stable")
    assert "Version: 2.0-1\n" in packages(repository, "stable")
    assert "Version: 1.0-1~deb11\n" in packages(repository, "stable-deb11")
    assert "Version: 1.0-1\n" in packages(repository, "testing")
    primary = newest_primary(repository)
    assert 'ver="1.0"' not in primary
    assert 'ver="2.0"' in primary
    assert (repository / "apt/pool/main/h/hello/hello_1.0-1_amd64.deb").exists()
    # Tarballs of that name, too.
    gone = remove(["hello", old[3].name], repository, signer()).removed
    assert {old[3].name, new[3].name} < set(gone)
    assert "hello" not in packages(repository, "stable-deb11")


def newest_primary(repository: Path) -> str:
    tree = repository / "yum/stable/el9/x86_64/repodata"
    repomd = (tree / "repomd.xml").read_text()
    (path,) = (path for path in tree.glob("*-primary.xml.gz") if path.name in repomd)
    return gzip.decompress(path.read_bytes()).decode()


def test_what_was_removed_keeps_its_name(tmp_path: Path, repository: Path) -> None:
    file = package(tmp_path)
    into(repository, file)
    remove(["hello"], repository, signer())
    with pytest.raises(IdentityConflictError):
        into(repository, package(tmp_path, content="other"))
    assert into(repository, file).added == ("hello 1.0-1 (amd64)",)


def test_removing_what_is_not_there_changes_nothing(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(RepositoryError):
        remove(["hello"], repository, signer())
    assert not repository.exists()
    into(repository, package(tmp_path))
    before = listing(repository)
    for names in (["hello", "other"], ["hello=3"]):
        with pytest.raises(UsageError, match="holds no"):
            remove(names, repository, signer())
    with pytest.raises(UsageError, match="holds no"):
        remove(["hello"], repository, signer(), channel="testing")
    assert listing(repository) == before


def test_a_sidecar_that_says_otherwise_is_heeded(tmp_path: Path, repository: Path) -> None:
    for platform in PLATFORMS:
        file = package(tmp_path, platform=platform)
        sidecar = file.with_name(f"{file.name}.sha256")
        sidecar.write_text("0" * 64 + f"  {file.name}\n")
        with pytest.raises(PackageError, match="another checksum"):
            into(repository, file)
        sidecar.write_bytes(b"")
        with pytest.raises(PackageError, match="another checksum"):
            into(repository, file, sidecar)
    assert not repository.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": "other_1.0-1_amd64.deb"}, "another name than"),
        ({"size": 7}, "another size than"),
        ({"sha256": "0" * 64}, "another checksum than"),
        ({"size": "many"}, "no manifest of an artifact"),
        (None, "no manifest of an artifact"),
    ],
)
def test_a_manifest_of_another_file_is_refused(
    tmp_path: Path, repository: Path, change: dict[str, object] | None, said: str
) -> None:
    for platform in PLATFORMS:
        file = package(tmp_path, platform=platform)
        about = {"file": file.name, "sha256": of_file(file), "size": file.stat().st_size}
        manifest = file.with_name(f"{file.name}.manifest.json")
        described = {} if change is None else {"artifact": about | change}
        manifest.write_text(json.dumps({"name": "hello"} | described))
        with pytest.raises(PackageError, match=said):
            into(repository, file)
        assert not repository.exists()
        manifest.write_text("[" * 100_000)
        with pytest.raises(PackageError, match="no manifest of an artifact"):
            into(repository, file)
        manifest.write_text(json.dumps({"name": "hello", "artifact": about}))
        assert len(into(tmp_path / f"of {platform.name}", file, manifest).added) == 1


def test_a_package_called_like_the_beginning_of_another_is_one(
    tmp_path: Path, repository: Path
) -> None:
    deb, rpm = package(tmp_path), package(tmp_path, platform=EL9)
    first, second = tmp_path / "hello.deb", tmp_path / "hello.deb.rpm"
    first.write_bytes(deb.read_bytes())
    second.write_bytes(rpm.read_bytes())
    assert len(into(repository, first, second).added) == 2


def test_looking_for_sidecars_is_linear() -> None:
    """Half a million comparisons of all with all would take minutes."""
    names = {f"package-{number}_1.0-1_amd64.deb" for number in range(50_000)}
    looked: list[str] = []

    class Counting(set[str]):
        def __contains__(self, name: object) -> bool:
            looked.append(str(name))
            return super().__contains__(name)

    known = Counting(names)
    assert not any(goes_with_another(f"{name}.x", known) is False for name in names)
    assert len(looked) <= 4 * len(names)


LIMITED = """
import resource, signal, sys
from pathlib import Path
from omnibuild.errors import StorageError
from omnibuild.repository.publish import publish
from omnibuild.signing.signer import load_signer
from tests.unit.repository.samples import PLATFORMS

limit, root, key, *files = sys.argv[1:]
signer = load_signer(Path(key))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
try:
    publish([Path(file) for file in files], Path(root), signer, platforms=PLATFORMS)
except StorageError as error:
    print(error.code)
"""


def test_a_disk_that_takes_no_more_is_one_error(tmp_path: Path, repository: Path) -> None:
    key = create_key(tmp_path / "key", "Shop packages <ops@shop.example>").path
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    for limit in (0, 300, 1500, 4000):
        words = [sys.executable, "-c", LIMITED, str(limit), str(repository), str(key)]
        done = subprocess.run(
            [*words, *map(str, files)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "storage\n"), done.stderr
    publish(files, repository, load_signer(key), "stable", PLATFORMS)
    assert not list(repository.rglob(".tmp-*"))
