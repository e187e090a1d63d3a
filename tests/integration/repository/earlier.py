"""Hosts as installers left them before there was the package of keys."""

from __future__ import annotations

from pathlib import Path

from omnibuild.repository import layout
from omnibuild.repository.clients import apt_source, yum_repo
from omnibuild.repository.state.head import Repository, load
from omnibuild.repository.targets import open_target


def record_of(root: Path) -> Repository:
    """Return what is true of a repository."""
    record = load(open_target(root)).repository
    assert record
    return record


def by_hand(record: Repository, url: str, *, apt: bool, name: str = "") -> str:
    """Return shell commands that set up a host: they write the keys to it themselves.

    Args:
        record: the repository.
        url: where it is, a directory on the host.
        apt: whether the host has apt, and not dnf.
        name: what the repository was called on hosts then.
    """
    name = name or record.name
    if apt:
        path, key = apt_source.keyring_path(name), layout.key_path(record.name, "asc")
        source = apt_source.source(
            url=url, suite="stable", components=("main",), keyring=path, architecture="amd64"
        )
        files = {
            f"/etc/apt/sources.list.d/{name}.sources": source,
            f"/etc/apt/preferences.d/{name}": apt_source.preferences(record.title),
        }
    else:
        path, key = yum_repo.keyring_path(name), layout.rpm_key_path(record.name)
        location = f"mirrorlist={url}/yum/stable/el9/x86_64/mirrorlist"
        repo = yum_repo.repo(name=name, title=record.title, location=location, key=f"file://{path}")
        files = {f"/etc/yum.repos.d/{name}.repo": repo}
    commands = [f"install -D -m 644 {url.removeprefix('file://')}/{key} {path}\n"]
    for file, text in files.items():
        commands.append(f"mkdir -p {file.rpartition('/')[0]}; cat >{file} <<'END'\n{text}\nEND\n")
    return "".join(commands)
