"""Every mistake ends in one clear error with its code and status, and loses nothing."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omnibuild import errors
from omnibuild.settings import default_cache
from tests.acceptance.products import CHECKOUT, Products, omnibuild, replace
from tests.acceptance.test_engine import fresh_store_with_root
from tests.acceptance.workspaces import SOURCE, STEPS, Workspace, archive

TRIGGERED: set[str] = set()


def fails(code: str, *words: str | Path, command: tuple[str, ...] = ()) -> str:
    """Run a command that must fail with ``code``; return what it says."""
    done = subprocess.run(
        [*command, sys.executable, "-m", "omnibuild", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
    )
    said = done.stderr
    assert f"error[{code}]: " in said, f"{done.returncode}: {said}\n{done.stdout}"
    assert "Traceback" not in said
    (kind,) = (k for k in every_error() if k.code == code)
    assert done.returncode == kind.exit_status
    TRIGGERED.add(code)
    return said[said.index("error[") :]


def every_error() -> list[type[errors.OmnibuildError]]:
    found = [errors.OmnibuildError]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if "code" in vars(kind)]


def build(workspace: Path, *words: str | Path) -> tuple[str | Path, ...]:
    return ("build", "tiny", "-C", workspace, "-p", "debian-12", "-o", workspace / "dist", *words)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.mark.parametrize(
    "words",
    [
        ("build", "hello", "-C", "w" * 300),
        ("key", "create", "k" * 300),
        ("key", "create", f"{'k' * 300}/key"),
        ("publish", "README.md", "--repo", "r" * 300),
    ],
    ids=lambda words: words[0],
)
def test_a_path_that_no_system_takes(words: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "omnibuild", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error[")
    assert not list(tmp_path.iterdir())


def test_a_full_standard_output_is_no_bug(workspace: Workspace) -> None:
    directory = workspace.write()
    for words in (("plan", "tiny", "-C", directory), ("why", "tiny-c", "-C", directory, "--json")):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "omnibuild", *map(str, words)],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 9
        assert done.stderr.startswith("error[host]: ")


def test_a_tiny_app_builds(workspace: Workspace) -> None:
    directory = workspace.write()
    omnibuild(*build(directory))
    assert sorted(path.name for path in (directory / "dist").iterdir()) == [
        "tiny_1.0-1_amd64.deb",
        "tiny_1.0-1_amd64.deb.audit.json",
        "tiny_1.0-1_amd64.deb.manifest.json",
        "tiny_1.0-1_amd64.deb.sha256",
    ]


def test_usage(workspace: Workspace) -> None:
    said = fails("usage", *build(workspace.write(), "-j", "0"))
    assert "--jobs" in said


def test_misspelt_keys_and_wrong_types_are_listed_together(workspace: Workspace) -> None:
    directory = workspace.write()
    recipe = directory / "recipes/tiny.toml"
    replace(recipe, "summary", "sumary")
    replace(recipe, '"1.0"\nsumary', "1.0\nsumary")
    said = fails("definition", *build(directory))
    assert "2 problems" in said
    assert re.search(r"tiny\.toml:3:\d+: ", said)
    assert re.search(r"tiny\.toml:4:1: .*sumary", said)
    assert "summary" in said
    assert not (directory / "dist").exists()


def test_unknown_names_come_with_a_suggestion(workspace: Workspace) -> None:
    directory = workspace.write()
    said = fails("unknown-name", "build", "tiny", "-C", directory, "-p", "debain-12")
    assert "debian-12" in said
    said = fails("unknown-name", "build", "tinny", "-C", directory)
    assert "tiny" in said
    replace(directory / "recipes/tiny.toml", "tiny-c", "tiny-d")
    said = fails("definition", *build(directory))
    assert "no software is called `tiny-d`" in said
    assert "did you mean `tiny-c`?" in said


def test_what_only_a_build_finds_out_is_told_with_its_place(workspace: Workspace) -> None:
    directory = workspace.write()
    with (directory / "recipes/tiny.toml").open("a") as recipe:
        recipe.write('[files]\n"/opt/tiny/bin/tiny" = { ghost = true }\n')
    said = fails("definition", *build(directory))
    assert re.search(r"tiny\.toml:11:1: /opt/tiny/bin/tiny is said to come into being", said)


@pytest.mark.parametrize("damage", ["missing", "without digests"])
def test_a_lock_must_be_there_and_pin(tmp_path: Path, damage: str) -> None:
    workspace = copy_of_hello(tmp_path)
    lock = workspace / "recipes/pylock.hello.toml"
    if damage == "missing":
        lock.unlink()
    else:
        lock.write_text(re.sub('sha256 = ".*"', "", lock.read_text()))
    said = fails("lock", "build", "hello", "-C", workspace, "-p", "debian-12")
    assert "pylock.hello.toml" in said
    assert "omnibuild lock" in said


def copy_of_hello(base: Path) -> Path:
    from tests.acceptance.products import next_version

    return next_version(base / "hello")


def test_a_circle_of_needs_is_shown(workspace: Workspace) -> None:
    workspace.needs = ("other",)
    directory = workspace.write()
    workspace.needs = ("tiny-c",)
    (directory / "software/other.toml").write_text(workspace.software("other", "file:///x"))
    said = fails("dependency-cycle", *build(directory))
    assert "tiny-c -> other -> tiny-c" in said
    assert "software/other.toml:" in said


def test_all_places_unreachable(workspace: Workspace) -> None:
    workspace.data = archive({**SOURCE, "tiny-1.0/unique": "unreachable"})
    workspace.places = ("http://127.0.0.1:9/tiny.tar.gz", "file:///nowhere/tiny.tar.gz")
    said = fails("source-unreachable", *build(workspace.write()))
    assert "127.0.0.1:9" in said
    assert "/nowhere/tiny.tar.gz" in said


def test_a_digest_mismatch_names_both_digests(workspace: Workspace) -> None:
    workspace.sha256 = "0" * 64
    said = fails("digest-mismatch", *build(workspace.write()))
    assert "0" * 64 in said
    assert hashlib.sha256(workspace.data).hexdigest() in said


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"no archive at all", id="text"),
        pytest.param(archive(SOURCE)[:100], id="cut off"),
        pytest.param(archive({**SOURCE, "../outside": "x"}), id="outside"),
    ],
)
def test_a_bad_archive(workspace: Workspace, data: bytes) -> None:
    workspace.data = data
    fails("bad-archive", *build(workspace.write()))


def test_a_failing_step_shows_its_log(workspace: Workspace) -> None:
    workspace.steps = ("echo about to fail; exit 3",)
    said = fails("step-failed", *build(workspace.write()))
    assert "about to fail" in said
    log = re.search(r"whole log: (\S+)", said)
    assert log
    assert "about to fail" in Path(log[1]).read_text()


def test_a_failing_test_of_a_component(workspace: Workspace) -> None:
    workspace.test = "exit 4"
    assert "test of component tiny-c" in fails("step-failed", *build(workspace.write()))


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(("true",), id="nothing installed"),
        pytest.param((*STEPS, 'rm "$PREFIX/include/zlib.h"'), id="removes a file of a need"),
        pytest.param((*STEPS, 'echo >> "$PREFIX/include/zlib.h"'), id="changes a file of a need"),
    ],
)
def test_layers_are_disjoint(workspace: Workspace, steps: tuple[str, ...]) -> None:
    workspace.build_needs, workspace.steps = ("zlib",), steps
    fails("capture", *build(workspace.write()))


def test_an_undeclared_dependency_names_who_has_it(workspace: Workspace) -> None:
    program = "#include <zlib.h>\nint main(void) { return zlibVersion() == 0; }\n"
    workspace.data = archive({**SOURCE, "tiny-1.0/tiny.c": program})
    workspace.build_needs = ("zlib",)
    workspace.steps = (STEPS[0], '$CC $CPPFLAGS tiny.c -o "$PREFIX/bin/tiny" $LDFLAGS -lz')
    said = fails("undeclared-dependency", *build(workspace.write()))
    assert "zlib" in said


def test_a_library_of_the_build_root_is_no_part_of_an_app(workspace: Workspace) -> None:
    workspace.steps = (
        STEPS[0],
        '$CC $CFLAGS tiny.c -o "$PREFIX/bin/tiny" $LDFLAGS -Wl,--no-as-needed -l:libz.so.1',
    )
    said = fails("undeclared-dependency", *build(workspace.write()))
    assert "bin/tiny needs libz.so.1, which comes from the build root" in said


def test_a_licence_file_that_is_not_there(workspace: Workspace) -> None:
    workspace.data = archive({"tiny-1.0/tiny.c": SOURCE["tiny-1.0/tiny.c"], "tiny-1.0/COPYING": ""})
    said = fails("definition", *build(workspace.write()))
    assert "tiny-c has no licence file `LICENSE`" in said
    assert "there is COPYING" in said


def test_a_missing_header_names_who_has_it(workspace: Workspace) -> None:
    workspace.data = archive({**SOURCE, "tiny-1.0/tiny.c": "#include <zlib.h>\n"})
    said = fails("missing-dependency", *build(workspace.write()))
    assert 'hint: zlib has zlib.h; add to its definition: needs = ["zlib"]' in said
    workspace.data = archive({**SOURCE, "tiny-1.0/tiny.c": "#include <never.h>\n"})
    assert "no component has never.h" in fails("missing-dependency", *build(workspace.write()))
    workspace.data = archive(SOURCE)
    workspace.steps = (*STEPS, "$CC $CFLAGS tiny.c -o tiny $LDFLAGS -lpcre2-8")
    assert "pcre2 has libpcre2-8.so" in fails("missing-dependency", *build(workspace.write()))


def test_a_piece_of_the_prefix_cannot_be_placed(workspace: Workspace) -> None:
    workspace.steps = (*STEPS, """printf '/omb/omb/omb/om' > "$PREFIX/bin/piece" """)
    assert "bin/piece" in fails("relocation", *build(workspace.write()))


def test_bytes_that_depend_on_the_moment_are_found_out(workspace: Workspace) -> None:
    workspace.steps = (*STEPS, 'date +%N > "$PREFIX/when"')
    directory = workspace.write()
    assert "when: content" in fails("not-reproducible", *rebuild(directory))


def rebuild(directory: Path) -> tuple[str | Path, ...]:
    return ("artifact", "rebuild", "tiny-c", "-C", directory)


def test_the_audit_refuses_what_hosts_do_not_have(workspace: Workspace) -> None:
    script = """printf '#!/usr/bin/python3\\n' > "$PREFIX/bin/x"; chmod 755 "$PREFIX/bin/x" """
    workspace.steps = (*STEPS, script)
    directory = workspace.write()
    assert "/usr/bin/python3" in fails("audit", *build(directory))
    assert not list((directory / "dist").iterdir())


def test_one_identity_has_one_content(workspace: Workspace, products: Products) -> None:
    directory = workspace.write()
    repository = directory / "repository"
    omnibuild(*build(directory))
    products.publish(repository, directory / "dist")
    before = {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()}
    workspace.steps = (*STEPS, 'echo more > "$PREFIX/more"')
    omnibuild(*build(workspace.write()))
    deb = directory / "dist/tiny_1.0-1_amd64.deb"
    said = fails("identity-conflict", "publish", deb, "--repo", repository, "--key", products.key)
    assert "tiny" in said
    assert {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()} == before


def test_publishing_damaged_packages(products: Products, tmp_path: Path) -> None:
    (tmp_path / "x_1_amd64.deb").write_bytes(b"!<arch>\nnot really")
    fails(
        "package",
        *("publish", tmp_path / "x_1_amd64.deb", "--repo", tmp_path / "r"),
        *("--key", products.key),
    )
    assert not (tmp_path / "r/apt").exists()


def test_publishing_needs_a_key(tmp_path: Path, products: Products) -> None:
    (tmp_path / "bad.key").write_text("no key")
    for key in ("none.key", "bad.key"):
        fails("key", "publish", tmp_path / "x.deb", "--repo", tmp_path, "--key", tmp_path / key)


def test_a_command_after_publishing_that_fails(products: Products, tmp_path: Path) -> None:
    deb = next(products.hello.glob("*.deb"))
    place = ("--repo", tmp_path / "r", "--key", products.key, "--url", "https://shop.example")
    said = fails("after-publish", "publish", deb, *place, "--after-publish", "echo no; false")
    assert "repo pointers" in said
    assert (tmp_path / "r/index.html").exists()


def test_publishing_into_something_else(products: Products, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/index.html").write_text("mine")
    deb = next(products.hello.glob("*.deb"))
    fails("repository", "publish", deb, "--repo", tmp_path / "home", "--key", products.key)
    assert os.listdir(tmp_path / "home") == ["index.html"]


def test_a_missing_tool_says_how_to_get_it(tmp_path: Path) -> None:
    # gpg exists but cannot be executed: as good as missing.
    (tmp_path / "gpg").write_text("")
    hidden = ("unshare", "--mount", "--map-root-user", "sh", "-c")
    command = (*hidden, f'mount --bind {tmp_path}/gpg "$(command -v gpg)"; exec "$@"', "sh")
    said = fails(
        "missing-tool", "key", "create", tmp_path / "k", "--user", "A <a@b.c>", command=command
    )
    assert "apt-get install gnupg" in said or "apt-get install gpg" in said
    assert not (tmp_path / "k").exists()


def test_a_missing_extra_is_named(workspace: Workspace) -> None:
    # `None` in place of a module is how Python says that there is none.
    hidden = "import runpy, sys; sys.modules['boto3'] = None; runpy.run_module('omnibuild')"
    words = build(workspace.write(), "--remote", "s3://bucket/prefix")
    done = subprocess.run(
        [sys.executable, "-c", hidden, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "error[missing-extra]: " in done.stderr
    assert "pip install 'omnibuild[s3]'" in done.stderr
    TRIGGERED.add("missing-extra")


def test_what_is_too_large_is_refused_and_not_kept(workspace: Workspace, tmp_path: Path) -> None:
    large = {**SOURCE, "tiny-1.0/large": "x" * 3_000_000, "tiny-1.0/mark": str(tmp_path)}
    workspace.data = archive(large)
    assert "--max-unpacked" in fails(
        "bad-archive", *build(workspace.write(), "--max-unpacked", "2")
    )
    workspace.data = archive({**SOURCE, "tiny-1.0/mark": os.urandom(1_000_000).hex()})
    digest = hashlib.sha256(workspace.data).hexdigest()
    words = build(workspace.write(), "--max-download", "1")
    assert "--max-download" in fails("source-unreachable", *words)
    assert not (default_cache() / f"blobs/{digest[:2]}/{digest}.part").exists()
    workspace.steps = ("yes", *STEPS)
    assert "printed more than 1 MB" in fails(
        "step-failed", *build(workspace.write(), "--max-log", "1")
    )


def test_a_store_that_loses_its_directories_under_a_build(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.steps = (f"echo mark {workspace.base}; sleep 3", *STEPS)
    directory = workspace.write()
    cache = fresh_store_with_root(tmp_path / "cache")
    process = start(directory, "--cache-dir", cache)
    wait_for_step(directory, cache)
    (cache / "locks").rename(tmp_path / "locks")
    _, said = process.communicate(timeout=120)
    assert "error[storage]: " in said
    assert "locks is gone" in said
    omnibuild(*build(directory, "--cache-dir", cache))


def test_a_failing_tool_shows_what_it_said(tmp_path: Path) -> None:
    said = fails("tool-failed", "root", "lock", "nosuchsuite", "gcc", "-C", tmp_path)
    assert "nosuchsuite" in said


def test_no_mirror_is_known(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    hidden = 'mount --bind "$0" /etc/apt; exec "$@"'
    command = ("unshare", "--mount", "--map-root-user", "sh", "-c", hidden, str(tmp_path / "empty"))
    said = fails("host", "root", "lock", "bullseye", "gcc", "-C", tmp_path, command=command)
    assert "OMNIBUILD_DEBIAN_MIRROR" in said


def test_refused_namespaces(workspace: Workspace) -> None:
    limited = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    command = ("unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh")
    workspace.steps = (*STEPS, "true namespaces")
    assert "sysctl" in fails("sandbox-refused", *build(workspace.write()), command=command)


def test_a_file_where_a_directory_should_be(
    workspace: Workspace, products: Products, tmp_path: Path
) -> None:
    directory = workspace.write()
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (file, file / "below"):
        words = ("build", "tiny", "-C", directory, "-p", "debian-12", "-o", place)
        fails("storage", *words)
        fails("storage", *build(directory, "--cache-dir", place))
    deb = next(products.hello.glob("*.deb"))
    fails("repository", "publish", deb, "--repo", file, "--key", products.key)
    assert file.read_text() == "mine"


def test_a_full_disk(workspace: Workspace) -> None:
    directory = workspace.write()
    (directory / "small").mkdir()
    full = f'mount -t tmpfs -o size=300k none {directory}/small; exec "$@"'
    command = ("unshare", "--mount", "--map-root-user", "sh", "-c", full, "sh")
    fails("storage", *build(directory, "--cache-dir", directory / "small"), command=command)


def test_an_output_on_a_full_disk_leaves_no_half_file(workspace: Workspace) -> None:
    directory = workspace.write()
    omnibuild(*build(directory))
    (directory / "small").mkdir()
    script = (
        f"mount -t tmpfs -o size=4k,nr_inodes=3 none {directory}/small\n"
        f'"$@"; status=$?; ls -A {directory}/small >&2; exit $status'
    )
    command = ("unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh")
    words = ("build", "tiny", "-C", directory, "-p", "debian-12", "-o", directory / "small")
    said = fails("storage", *words, command=command)
    assert ".tmp-" not in said


def start(directory: Path, *more: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "omnibuild", *map(str, build(directory, *more))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_step(directory: Path, cache: Path | None = None) -> None:
    """Wait until the running build's step has begun: it leaves a mark in its own log."""
    for _ in range(600):
        logs = ((cache or default_cache()) / "logs").glob("component_tiny-c@*.log")
        if any(f"mark {directory}" in log.read_text(errors="replace") for log in logs):
            return
        time.sleep(0.05)
    raise AssertionError("the step never began")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_nothing_and_can_be_repeated(
    workspace: Workspace, how: signal.Signals
) -> None:
    workspace.steps = (f"echo mark {workspace.base}; sleep 60", *STEPS)
    directory = workspace.write()
    process = start(directory)
    wait_for_step(directory)
    process.send_signal(how)
    _, said = process.communicate(timeout=30)
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert "\ninterrupted; what was finished is kept\n" in said
        assert "Traceback" not in said
        # Nobody says that the step failed, or that it was killed: who did it knows.
        assert "failed" not in said
        assert "SIGKILL" not in said
    # Nothing of the step survives, and the next build is as if there had been none.
    for _ in range(100):
        if subprocess.run(["pgrep", "-f", f"mark {directory}"], check=False).returncode:
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the step outlived the build")
    workspace.steps = (f"echo mark {workspace.base}", *STEPS)
    omnibuild(*build(workspace.write()))
    assert (directory / "dist/tiny_1.0-1_amd64.deb").exists()


def test_every_code_was_triggered() -> None:
    """The catalogue is complete: keep this test the last one of the file."""
    base_classes = {"error"}
    # A store that is damaged again at once, or cannot be mended: the scheduler's tests have one.
    beyond_reach = {"damage"}
    assert {kind.code for kind in every_error()} - base_classes - beyond_reach == TRIGGERED
