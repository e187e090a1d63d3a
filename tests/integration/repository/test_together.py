"""Many rpms that are signed at once, by keys that different things hold."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.errors import PackageError
from omnibuild.repository import intake
from omnibuild.repository.draft import MANY
from omnibuild.repository.publish import publish
from omnibuild.repository.state.head import load
from omnibuild.repository.targets.directory import DirectoryTarget
from omnibuild.repository.yum.together import signed_together
from omnibuild.signing.creation import create_certificate, create_key
from omnibuild.signing.signer import Signer, load_signer
from tests.integration.signing.programs import signing_program
from tests.unit.repository.samples import EL9, USER_ID, package
from tests.unit.signing.keyring import keyring


@pytest.fixture(params=["file", "gpg", "command"])
def signer(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Signer]:
    if request.param == "file":
        yield load_signer(create_key(tmp_path / "key", USER_ID).path)
    elif request.param == "gpg":
        with keyring("rsa3072") as made:
            monkeypatch.setenv("GNUPGHOME", str(made.home))
            yield load_signer(f"gpg:{made.fingerprint}")
    else:
        program = signing_program(tmp_path, "ed25519")
        create_certificate(program, USER_ID)
        yield load_signer(f"command:{program}")


@pytest.fixture
def rpms(tmp_path: Path) -> list[Path]:
    return [package(tmp_path, f"tool-{number}", platform=EL9) for number in range(MANY)]


def test_rpm_takes_each_of_many(tmp_path: Path, signer: Signer, rpms: list[Path]) -> None:
    root = tmp_path / "repository"
    publish(rpms, root, signer, platforms=[EL9])
    served = sorted(root.rglob("Packages/t/*.rpm"))
    assert len(served) == MANY
    (tmp_path / "key.asc").write_bytes(signer.public_key_armored)
    for words in (["--import", tmp_path / "key.asc"], ["--checksig", *served]):
        command = ["rpmkeys", "--dbpath", str(tmp_path / "database"), *map(str, words)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    recorded = load(DirectoryTarget(root)).channels["stable"].trees["el9"]
    found = {file.name: digests.of_file(file) for file in served}
    assert found.items() <= {Path(each.path).name: each.digest for each in recorded}.items()


def test_what_changed_meanwhile_is_told(tmp_path: Path, rpms: list[Path]) -> None:
    signer = load_signer(create_key(tmp_path / "key", USER_ID).path)
    submissions = [intake.inspect(rpm) for rpm in rpms]
    rpms[-1].write_bytes(package(tmp_path, "another", platform=EL9).read_bytes())
    with pytest.raises(PackageError, match="changed while it was published"):
        list(signed_together(submissions, tmp_path, signer))
