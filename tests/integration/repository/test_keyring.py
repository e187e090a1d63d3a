"""Hosts have the repository's keys by a package: set up, upgraded, damaged, taken away."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from omnibuild.repository import layout
from omnibuild.repository.keys import rotation
from omnibuild.repository.publish import publish, remove
from omnibuild.signing.signer import Signer, load_signer
from tests.integration.repository.earlier import by_hand, record_of
from tests.integration.repository.test_install_sh import (
    ALMA,
    DEBIAN,
    NAME,
    REPOSITORY,
    URL,
    published,
    repository,
)
from tests.integration.repository.test_installer_ways import FAMILIES, INSTALL, RUN, on_host
from tests.unit.repository.samples import PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer
from tests.unit.repository.test_rotation import pass_time
from tests.unit.signing.keyring import keyring

__all__ = ["published", "repository"]

OLD, NEW = signer(), signer("New <new@shop.example>")
BOTH = msgspec.structs.replace(NEW, others=(OLD,))
APT = DEBIAN.format(12)
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
# What a host does each night: the source alone that is looked at here, and any warning is an error.
UPGRADE = {
    APT: "( apt-get -q -o Dir::Etc::SourceList=$(echo /etc/apt/sources.list.d/shop-*)"
    " -o Dir::Etc::SourceParts=- -o APT::Update::Error-Mode=any update &&"
    " apt-get -q -y -o Dir::Etc::SourceList=$(echo /etc/apt/sources.list.d/shop-*)"
    " -o Dir::Etc::SourceParts=- upgrade )",
    ALMA: "( dnf -y --disablerepo='*' --enablerepo='shop-*' --setopt='shop-*.skip_if_unavailable=0'"
    " --refresh upgrade )",
}
KEYRING = {APT: "/usr/share/keyrings/shop-*.asc", ALMA: "/etc/pki/rpm-gpg/RPM-GPG-KEY-shop-*"}
OWNER = {APT: f"dpkg -S {KEYRING[APT]}", ALMA: f"rpm -qf {KEYRING[ALMA]}"}
HELD = {
    APT: "dpkg-query -W -f '${Version}\\n' 'shop-*-archive-keyring'",
    ALMA: "rpm -qa --qf '%{VERSION}-%{RELEASE}\\n' 'shop-*-archive-keyring'",
}
# All that is there because of a set-up, with what is in it.
TRACES = (
    "( find /etc /usr/share/keyrings -type f \\( -name '*shop-*' -o -name '*.dpkg-*'"
    " -o -name '*.rpm[nos]*' \\) -exec sha256sum {} + | sort;"
    " dpkg -l 'shop-*' 2>/dev/null | grep ^.[a-z];"
    " rpm -qa 'shop-*' )"
)


def given_keys(root: Path, release: str) -> str:
    """Return the keys that hosts of a family get."""
    name = record_of(root).name
    path = layout.key_path(name, "asc") if release == APT else layout.rpm_key_path(name)
    return (root / path).read_text()


def files(tmp_path: Path, version: str) -> list[Path]:
    return [package(tmp_path, NAME, version, platform=p) for p in PLATFORMS]


def state(root: Path, name: str) -> None:
    """Keep what is published at this moment, for a host to be shown later."""
    shutil.copytree(root, root.parent / "states" / name)


def show(name: str) -> str:
    """Return what has a host see a state that was kept."""
    return f"find {REPOSITORY} -mindepth 1 -delete && cp -r /srv/{name}/. {REPOSITORY}"


def with_states(root: Path, script: str, release: str) -> Sequence[str]:
    """Run a script on a host that can be shown all states; return what it says."""
    states = root.parent / "states"
    shutil.copytree(states, root / "states")
    done = on_host(root, f"cp -r {REPOSITORY}/states/. /srv; {script}", release)
    shutil.rmtree(root / "states", ignore_errors=True)
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


@FAMILIES
def test_the_keys_are_the_packages_own(repository: Path, release: str) -> None:
    done = on_host(
        repository,
        f"{INSTALL} {NAME} >/dev/null 2>&1; {OWNER[release]}; {HELD[release]};"
        f" stat -c %a {KEYRING[release]}; cat {KEYRING[release]}",
        release,
    )
    owner, version, mode, *key = done.stdout.splitlines()
    assert layout.keyring_package(record_of(repository).name) in owner
    assert (version, mode) == ("1-1", "644")
    assert "\n".join(key) + "\n" == given_keys(repository, release)


@FAMILIES
def test_a_host_of_before_goes_over(repository: Path, release: str) -> None:
    record = record_of(repository)
    before = by_hand(record, URL, apt=release == APT)
    done = on_host(
        repository,
        f"{before}{UPGRADE[release]} >/dev/null 2>&1 || echo broken;"
        f" {INSTALL} --json {NAME} 2>/dev/null; {OWNER[release]}; {TRACES};"
        f" {INSTALL} --json {NAME} 2>/dev/null; {UPGRADE[release]} >/dev/null 2>&1 && echo fine",
        release,
    )
    assert "broken" not in done.stdout
    first, again = (json.loads(x) for x in done.stdout.splitlines() if x.startswith("{"))
    assert (first["exit"], first["changed"]) == (0, True)
    assert (again["exit"], again["changed"]) == (0, False)
    traces = re.findall(r"^[0-9a-f]{64} +(.*)", done.stdout, re.MULTILINE)
    assert len(traces) == (3 if release == APT else 2), done.stdout
    assert all(record.name in path for path in traces)
    assert done.stdout.splitlines()[-1] == "fine"


@FAMILIES
def test_upgrades_alone_bring_a_host_from_key_to_key(tmp_path: Path, release: str) -> None:
    root = tmp_path / "repository"
    publish(files(tmp_path, "1.0"), root, OLD, platforms=PLATFORMS, base_url=URL)
    state(root, "old")
    rotation.announce(root, OLD, NEW.certificate)
    publish(files(tmp_path, "1.1"), root, OLD, platforms=PLATFORMS)
    state(root, "announced")
    pass_time(root, 31)
    rotation.switch(root, BOTH)
    publish(files(tmp_path, "1.2"), root, BOTH, platforms=PLATFORMS)
    state(root, "both")
    rotation.switch(root, NEW)
    publish(files(tmp_path, "1.3"), root, NEW, platforms=PLATFORMS)
    state(root, "new")
    remove([f"{NAME}=1.0-1", f"{NAME}=1.1-1"], root, NEW)
    rotation.drop(root, NEW, OLD.fingerprint)
    publish(files(tmp_path, "1.4"), root, NEW, platforms=PLATFORMS)
    state(root, "dropped")
    nights = "".join(
        f"{show(name)}\n{UPGRADE[release]} >/tmp/log 2>&1 || {{ cat /tmp/log; exit 9; }}\n"
        f"! grep -iE 'NO_PUBKEY|BADSIG|EXPKEY|not signed|invalid' /tmp/log || exit 8\n"
        f"{RUN}; {HELD[release]}\n"
        for name in ("announced", "both", "new", "dropped")
    )
    said = with_states(
        root,
        f"{show('old')}; cp {REPOSITORY}/install.sh /tmp/of-old.sh\n{INSTALL} {NAME} >/dev/null\n"
        f"{nights} cat {KEYRING[release]}\necho again\n"
        # A script of before the rotation changes nothing, and does not bring the old key back.
        f"sh /tmp/of-old.sh --json {NAME} && {INSTALL} --json {NAME} && {HELD[release]}",
        release,
    )
    went = ["1.1", "2-1", "1.2", "2-1", "1.3", "2-1", "1.4", "3-1"]
    assert [line.removeprefix(f"{NAME} ") for line in said[:8]] == went
    assert "\n".join(said[8 : said.index("again")]) + "\n" == given_keys(root, release)
    documents = [json.loads(line) for line in said if line.startswith("{")]
    assert [(each["exit"], each["changed"]) for each in documents] == [(0, False)] * 2
    assert any("newer than this script, and stay" in line for line in said)
    assert said[-1] == "3-1"


@FAMILIES
def test_a_fresh_host_of_two_keys(repository: Path, release: str) -> None:
    rotation.announce(repository, OLD, NEW.certificate)
    pass_time(repository, 31)
    first = (
        f"{INSTALL} {NAME} >/dev/null 2>&1; {RUN}; {HELD[release]}; {INSTALL} --uninstall {NAME}"
        f" >/dev/null 2>&1; {TRACES}; rpm -q gpg-pubkey"
    )
    done = on_host(repository, first, release)
    gone = [f"{NAME} 1.0", "2-1", "package gpg-pubkey is not installed"]
    assert done.stdout.splitlines() == gone
    rotation.switch(repository, BOTH)
    newer = [package(repository.parent, NAME, "1.1", platform=p) for p in PLATFORMS]
    publish(newer, repository, BOTH, platforms=PLATFORMS)
    done = on_host(repository, first, release)
    assert done.stdout.splitlines() == [f"{NAME} 1.1", *gone[1:]]


@FAMILIES
def test_who_was_cut_off_is_set_up_again_and_not_by_the_old_key(
    tmp_path: Path, release: str
) -> None:
    """A key that was stolen: its thief can still sign an old state."""
    root = tmp_path / "repository"
    publish(files(tmp_path, "1.0"), root, OLD, platforms=PLATFORMS, base_url=URL)
    state(root, "old")
    rotation.announce(root, OLD, NEW.certificate)
    rotation.switch(root, NEW, insist=True)
    rotation.drop(root, NEW, OLD.fingerprint, insist=True)
    publish(files(tmp_path, "1.1"), root, NEW, platforms=PLATFORMS)
    state(root, "new")
    said = with_states(
        root,
        f"{show('old')}; {INSTALL} {NAME} >/dev/null\n{show('new')}\n"
        f"{UPGRADE[release]} >/dev/null 2>&1 && echo followed\n"
        f"cp {REPOSITORY}/install.sh /tmp/of-new.sh; {show('old')}; {TRACES} >/tmp/before\n"
        f"sh /tmp/of-new.sh {NAME} >/dev/null 2>&1; echo status $?\n"
        f"{TRACES} | diff /tmp/before - && echo same\n"
        f"{show('new')}; {INSTALL} {NAME} >/dev/null 2>&1; echo status $?; {RUN}; {HELD[release]}\n"
        f"cat {KEYRING[release]}",
        release,
    )
    assert list(said[:5]) == ["status 5", "same", "status 0", f"{NAME} 1.1", "3-1"], said
    assert "\n".join(said[5:]) + "\n" == given_keys(root, release)


def harmed(root: Path, harm: str) -> str:
    """Have the package of keys not be installed; return what a host does for that."""
    name = layout.keyring_package(record_of(root).name)
    for file in root.rglob(f"{name}*"):
        if not file.is_file():
            continue
        if harm == "gone":
            file.unlink()
        elif harm == "altered":
            file.write_bytes(file.read_bytes()[:-1] + b"?")
    if harm == "refused":
        # After it was unpacked: whatever the host's own hooks have against it.
        return "echo 'DPkg::Post-Invoke {\"false\"};' >/etc/apt/apt.conf.d/hook;"
    return ""


@pytest.mark.parametrize(
    ("release", "harm"),
    [(APT, "gone"), (APT, "altered"), (APT, "refused"), (ALMA, "gone"), (ALMA, "altered")],
)
@pytest.mark.parametrize("before", ["nothing", "by hand"])
def test_where_the_keys_cannot_be_installed_all_stays_as_it_was(
    repository: Path, release: str, harm: str, before: str
) -> None:
    first = by_hand(record_of(repository), URL, apt=release == APT) if before == "by hand" else ""
    done = on_host(
        repository,
        f"{first}{harmed(repository, harm)} {TRACES} >/tmp/before; {INSTALL} --json {NAME};"
        f" echo status $?; {TRACES} | diff /tmp/before - && echo same; ls -A /tmp",
        release,
    )
    said = done.stdout.splitlines()
    found = json.loads(next(line for line in said if line.startswith("{")))
    assert found["changed"] is False
    assert found["error"].endswith("could not be installed; nothing was changed"), found
    assert said[-3:] == ["status 7", "same", "before"], done.stdout


@FAMILIES
@pytest.mark.parametrize("harm", ["echo junk >", "rm", "chmod 600"])
def test_a_damaged_key_file_is_written_again(repository: Path, release: str, harm: str) -> None:
    done = on_host(
        repository,
        f"{INSTALL} >/dev/null 2>&1; {harm} $(echo {KEYRING[release]});"
        f" {INSTALL} --json; {INSTALL} --json; stat -c %a {KEYRING[release]};"
        f" {UPGRADE[release]} >/dev/null 2>&1 && echo fine; cat {KEYRING[release]}",
        release,
    )
    said = done.stdout.splitlines()
    # What apt or dnf say of the damage stands before.
    first, again = (number for number, line in enumerate(said) if line.startswith("{"))
    outcomes = [json.loads(said[number]) for number in (first, again)]
    assert [(each["exit"], each["changed"]) for each in outcomes] == [(0, True), (0, False)], said
    assert said[again + 1 : again + 3] == ["644", "fine"]
    assert "\n".join(said[again + 3 :]) + "\n" == given_keys(repository, release)


@FAMILIES
def test_keys_of_two_repositories_do_not_meet(
    repository: Path, tmp_path: Path, release: str
) -> None:
    second = repository / "second"
    publish(
        [package(tmp_path, f"{NAME}-two", platform=p) for p in PLATFORMS],
        second,
        OLD,
        platforms=PLATFORMS,
        base_url=f"{URL}/second",
    )
    done = on_host(
        repository,
        f"{INSTALL} {NAME} && sh {REPOSITORY}/second/install.sh {NAME}-two && {HELD[release]} &&"
        f" {INSTALL} --uninstall {NAME} && {HELD[release]} && {TRACES};"
        f" sh {REPOSITORY}/second/install.sh --json {NAME}-two",
        release,
    )
    said = done.stdout.splitlines()
    assert [line for line in said if re.match("1-1", line)] == ["1-1"] * 3, done.stdout
    traces = re.findall(r"^[0-9a-f]{64} +(.*)", done.stdout, re.MULTILINE)
    assert traces
    assert all(record_of(second).name in path for path in traces)
    assert json.loads(said[-1])["changed"] is False


@FAMILIES
def test_an_end_that_was_extended_reaches_hosts_by_upgrades(tmp_path: Path, release: str) -> None:
    """They are shown it in time; when the key would have ended, they go on."""
    root = tmp_path / "repository"

    def published_by(key: Signer, version: str) -> None:
        publish(files(tmp_path, version), root, key, platforms=PLATFORMS, base_url=URL)
        state(root, version)

    with keyring("rsa3072", end="30d") as ring:
        published_by(load_signer(ring.export(tmp_path / "first")), "1.0")
        ring.gpg("--quick-set-expire", ring.fingerprint, "300d")
        extended = load_signer(ring.export(tmp_path / "extended"))
    published_by(extended, "1.1")
    published_by(extended, "1.2")
    night = f"sh -c {UPGRADE[release]!r} >/tmp/log 2>&1 || {{ cat /tmp/log; echo failed; }}"
    # apt's own user cannot load that library.
    by_root = "echo 'APT::Sandbox::User \"root\";' >/etc/apt/apt.conf.d/root\n"
    later = f"env LD_PRELOAD={FAKETIME} FAKETIME=+%sd FAKETIME_DONT_FAKE_MONOTONIC=1 {night}"
    said = with_states(
        root,
        f"{by_root}{show('1.0')}; {INSTALL} {NAME} >/dev/null\n"
        f"{show('1.1')}; {later % 10}; {RUN}; {HELD[release]}\n"
        f"{show('1.2')}; {later % 40}; {RUN}",
        release,
    )
    assert list(said) == [f"{NAME} 1.1", "2-1", f"{NAME} 1.2"], said
    # Who was not shown it in time is left behind: it is the package that makes the difference.
    said = with_states(
        root,
        f"{by_root}{show('1.0')}; {INSTALL} {NAME} >/dev/null\n{show('1.2')}; {later % 40}; {RUN}",
        release,
    )
    assert "failed" in said
    assert said[-1] == f"{NAME} 1.0"
