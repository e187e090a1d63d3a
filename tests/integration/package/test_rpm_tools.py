"""Real rpm reads, verifies, unpacks and installs what the rpm writer wrote."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from omnibuild import elf
from omnibuild.audit.glibc import asked_of
from omnibuild.package.artifact import Artifact
from omnibuild.package.members import archive_members
from omnibuild.package.relations import rpm_libraries
from omnibuild.package.rpm.notation import is_foreign_rich, is_rich
from omnibuild.package.rpm.reader import read_rpm
from omnibuild.package.rpm.signature import sign_rpm
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.package.system_directories import SYSTEM_DIRECTORIES
from omnibuild.payload.model import Payload
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool
from omnibuild.tree import Entry, scan
from tests.programs import compiled
from tests.unit.package.samples import EVERYTHING, RPM, read_cpio, sample_payload

RPM_TOOL = Tool("rpm", "rpm")
RPM2CPIO = Tool("rpm2cpio", "rpm2cpio")
RPM2ARCHIVE = Tool("rpm2archive", "rpm")
RPMKEYS = Tool("rpmkeys", "rpm")
GPG = Tool("gpg", "gnupg")
CREATEREPO = Tool("createrepo_c", "createrepo-c")


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    return sample_payload(tmp_path / "root")


@pytest.fixture
def artifact(payload: Payload, tmp_path: Path) -> Artifact:
    return write_rpm(payload, RPM, tmp_path / "out")


def query(path: Path, layout: str) -> list[str]:
    shown = RPM_TOOL.run("-qp", "--nosignature", "--queryformat", layout, path)
    assert shown.stderr == b""
    return shown.stdout.decode().splitlines()


def test_digests_are_verified(artifact: Artifact) -> None:
    assert b"digests OK" in RPM_TOOL.run("-K", "--nosignature", artifact.path).stdout


def test_damage_is_found(artifact: Artifact, tmp_path: Path) -> None:
    content = bytearray(artifact.path.read_bytes())
    content[-100] ^= 1
    (tmp_path / "damaged.rpm").write_bytes(content)
    done = RPM_TOOL.run("-K", "--nosignature", tmp_path / "damaged.rpm", check=False)
    assert b"NOT OK" in done.stdout


def test_queries(artifact: Artifact) -> None:
    path = artifact.path
    assert query(path, "%{NEVRA}|%{LICENSE}|%{URL}|%{VENDOR}|%{SUMMARY}\n") == [
        "hello-1.4.2-3.x86_64|MIT|https://example.org/hello|Example|Greets the world"
    ]
    assert query(path, "[%{REQUIRENEVRS}\n]") == [
        "(systemd or systemd-standalone-sysusers > 249)",
        "/bin/sh",
        "/bin/sh",
        "libc6 >= 2.31",
        "rpmlib(BuiltinLuaScripts) <= 4.2.2-1",
        "rpmlib(CompressedFileNames) <= 3.0.4-1",
        "rpmlib(FileDigests) <= 4.6.0-1",
        "rpmlib(PayloadFilesHavePrefix) <= 4.0-1",
        "rpmlib(PayloadIsZstd) <= 5.4.18-1",
        "rpmlib(RichDependencies) <= 4.12.0-1",
    ]
    assert query(path, "[%{PROVIDENEVRS}\n]") == ["greeter = 1.4", "hello = 1.4.2-3"]
    assert query(path, "[%{CONFLICTNEVRS}\n]") == ["hello-classic < 1.0"]
    assert query(path, "[%{OBSOLETENEVRS}\n]") == ["hello-classic"]
    assert query(path, "[%{RECOMMENDNEVRS}\n]") == ["postgresql"]
    assert query(path, "%{PREINPROG} %{POSTTRANSPROG} %{PREIN}") == ["/bin/sh /bin/sh exit 0"]
    flags = dict(line.split("|") for line in query(path, "[%{FILENAMES}|%{FILEFLAGS:fflags}\n]"))
    assert {name for name, flag in flags.items() if flag} == {"/etc/hello/hello.conf"}
    assert flags["/etc/hello/hello.conf"] == "cn"


def test_all_that_can_be_said(payload: Payload, tmp_path: Path) -> None:
    path = write_rpm(replace(payload, metadata=EVERYTHING), RPM, tmp_path / "out").path
    assert path.name == "hello-1.4.2-3.x86_64.rpm"
    assert query(path, "%{NEVRA}|%{EVR}|%{GROUP}\n") == [
        "hello-2:1.4.2-3.x86_64|2:1.4.2-3|Applications/Internet"
    ]
    assert query(path, "[%{SUGGESTNEVRS}\n]") == ["(redis or valkey >= 7)"]
    assert query(path, "[%{ENHANCENEVRS}\n]") == ["nginx"]
    assert query(path, "[%{CONFLICTNEVRS}\n]") == ["hello-classic", "hello-client < 2.0"]
    assert "hello = 2:1.4.2-3" in query(path, "[%{PROVIDENEVRS}\n]")
    before = dict(
        line.split("|") for line in query(path, "[%{REQUIRENEVRS}|%{REQUIREFLAGS:deptype}\n]")
    )
    assert before["adduser >= 3.1"] == before["(passwd or shadow)"] == "pre"
    assert b"digests OK" in RPM_TOOL.run("-K", "--nosignature", path).stdout


def test_an_epoch_is_newer_than_any_version(payload: Payload, tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    metadata = payload.metadata
    for each in (replace(metadata, version="2024.1"), replace(metadata, version="1.0", epoch=1)):
        path = write_rpm(replace(payload, metadata=each), RPM, tmp_path / "out").path
        rpm(host, "--upgrade", "--nodeps", "--noscripts", path)
    assert rpm(host, "--query", "--queryformat", "%{EVR}", "hello") == "1:1.0-3"


def test_no_system_directory_is_owned(artifact: Artifact) -> None:
    owned = set(query(artifact.path, "[%{FILENAMES}\n]"))
    assert owned.isdisjoint(f"/{path}" for path in SYSTEM_DIRECTORIES)
    assert {"/opt/hello", "/etc/hello", "/usr/bin/hello"} < owned


def test_the_payload_is_read_by_others(
    artifact: Artifact, payload: Payload, tmp_path: Path
) -> None:
    found, _ = read_cpio(RPM2CPIO.run(artifact.path).stdout)
    wanted = {entry.path for entry in owned_entries(payload)}
    assert set(found) == wanted
    RPM2ARCHIVE.run(artifact.path)
    (archive,) = (tmp_path / "out").glob("*.tgz")
    names = {name.removeprefix("./") for name in tar_names(archive)}
    assert names == wanted


def tar_names(archive: Path) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive.read_bytes()))) as tar:
        return tar.getnames()


def test_installing_into_an_empty_root(
    artifact: Artifact, payload: Payload, tmp_path: Path
) -> None:
    host = tmp_path / "host"
    host.mkdir()
    rpm(host, "--install", "--nodeps", "--noscripts", artifact.path)
    installed = {entry.path: entry for entry in scan(host).entries}
    for entry in owned_entries(payload):
        assert installed[entry.path] == entry
    # Nothing differs from what the header says, not even owners and times.
    assert rpm(host, "--verify", "--nodeps", "--noscripts", "hello") == ""
    (host / "etc/hello/hello.conf").write_text("greeting = hi\n")
    newer = replace(payload, metadata=replace(payload.metadata, revision="4"))
    (payload.root / "etc/hello/hello.conf").write_text("greeting = servus\n")
    (payload.root / "etc/hello/hello.conf").chmod(0o640)
    newer = replace(newer, tree=scan(payload.root))
    upgrade = write_rpm(newer, RPM, tmp_path / "out").path
    rpm(host, "--upgrade", "--nodeps", "--noscripts", upgrade)
    assert (host / "etc/hello/hello.conf").read_text() == "greeting = hi\n"
    assert (host / "etc/hello/hello.conf.rpmnew").read_text() == "greeting = servus\n"
    rpm(host, "--erase", "--nodeps", "--noscripts", "hello")
    assert not (host / "opt/hello").exists()
    assert (host / "opt").is_dir()
    assert (host / "usr/lib/systemd/system").is_dir()


def test_a_signature_by_gpg_is_verified(artifact: Artifact, tmp_path: Path) -> None:
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    environment = {**CLEAN_ENVIRONMENT, "GNUPGHOME": str(home)}
    batch = ("--batch", "--pinentry-mode", "loopback", "--passphrase", "")
    key = "Packages <packages@example.org>"
    GPG.run(*batch, "--quick-gen-key", key, "rsa3072", "sign", environment=environment)
    public = GPG.run("--armor", "--export", environment=environment).stdout
    (tmp_path / "key.asc").write_bytes(public)
    signed = tmp_path / "signed.rpm"
    sign_rpm(
        artifact.path,
        signed,
        lambda data: GPG.run(*batch, "--detach-sign", data=data, environment=environment).stdout,
    )
    Tool("gpgconf", "gpgconf").run("--kill", "all", environment=environment)
    database = tmp_path / "database"
    RPMKEYS.run("--dbpath", database, "--import", tmp_path / "key.asc")
    shown = RPMKEYS.run("--dbpath", database, "--checksig", "--verbose", signed).stdout.decode()
    assert "Header V4 RSA" in shown
    assert ": OK" in shown
    assert "NOT OK" not in shown
    content = bytearray(signed.read_bytes())
    content[read_rpm(signed).header_start + 200] ^= 1
    signed.write_bytes(content)
    damaged = RPMKEYS.run("--dbpath", database, "--checksig", signed, check=False)
    assert damaged.returncode


def test_createrepo_reads_the_same(artifact: Artifact, tmp_path: Path) -> None:
    CREATEREPO.run("--simple-md-filenames", "--general-compress-type=gz", tmp_path / "out")
    primary = gzip.decompress((tmp_path / "out/repodata/primary.xml.gz").read_bytes()).decode()
    info = read_rpm(artifact.path)
    assert f'<rpm:header-range start="{info.header_start}" end="{info.header_end}"/>' in primary
    assert f'installed="{info.installed_size}" archive="{info.archive_size}"' in primary
    filelists = gzip.decompress((tmp_path / "out/repodata/filelists.xml.gz").read_bytes()).decode()
    assert len(re.findall("<file[ >]", filelists)) == len(info.files)


def owned_entries(payload: Payload) -> list[Entry]:
    members = archive_members(payload.tree.entries)
    return [entry for entry in members if entry.path not in SYSTEM_DIRECTORIES]


def rpm(host: Path, *arguments: str | Path) -> str:
    done = RPM_TOOL.run("--root", host, *arguments)
    return done.stdout.decode() + done.stderr.decode()


def test_programs_require_of_glibc_what_rpms_own_generator_says(tmp_path: Path) -> None:
    source = "#include <math.h>\n#include <pthread.h>\nint main(int n, char **v) {\n"
    source += "    pthread_t t; pthread_create(&t, 0, 0, 0); return (int)pow(n, 2.5); }\n"
    program = tmp_path / "program"
    program.write_bytes(compiled(source, "-lm", "-pthread"))
    program.chmod(0o755)
    generator = ["/usr/lib/rpm/elfdeps", "--requires", program]
    told = subprocess.run(generator, capture_output=True, text=True, check=True).stdout.split()
    found = elf.parse(program.read_bytes())
    assert found
    assert sorted(rpm_libraries(asked_of([found]))) == sorted(told)


# Expressions that both our recipes and rpm take, or neither; and those that only others write.
EXPRESSIONS = [
    "(a or b)",
    "(a >= 1 and b < 2 and (c or d))",
    "(a if b)",
    "(a if b else c)",
    "(a unless b)",
    "(a with b)",
    "(a without b)",
    "(libx.so.1()(64bit) or /usr/bin/x)",
    "(a)",
    "(a or b and c)",
    "(a or)",
    "()",
    "(a",
    "(a without b without c)",
    "(a if b if c)",
]
FOREIGN = [
    "(bundled(golang(x.org/y)) >= 1.2 or npm(@z/w) = 3)",
    "((python3dist(x) >= 1 with python3dist(x) < 2) or rubygem(y:~>5))",
    "(a >= 1 b)",
    "(a, b)",
    "(a orb)",
    "(a or b))",
    "(a >= )",
]


def rpm_takes(field: str, text: str, directory: Path) -> bool:
    spec = directory / "x.spec"
    spec.write_text(
        f"Name: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\n{field}: {text}\n"
        "%description\nx\n"
    )
    done = subprocess.run(["rpmspec", "--parse", spec], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_boolean_expressions_are_those_that_rpm_takes(tmp_path: Path, text: str) -> None:
    taken = {field: rpm_takes(field, text, tmp_path) for field in ("Requires", "Conflicts")}
    assert is_rich(text, "if") is taken["Requires"]
    assert is_rich(text, "unless") is taken["Conflicts"]
    assert is_foreign_rich(text) is any(taken.values())


@pytest.mark.parametrize("text", FOREIGN)
def test_others_expressions_are_those_that_rpm_takes(tmp_path: Path, text: str) -> None:
    assert is_foreign_rich(text) is rpm_takes("Requires", text, tmp_path)
