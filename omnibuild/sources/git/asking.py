"""git, asked about work trees of others: it answers, and starts none of their programs."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from packaging.version import Version

from omnibuild.errors import DefinitionError, ToolFailedError, Where
from omnibuild.patterns import regex
from omnibuild.sources.generated import delivered, is_below_generated
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool, describe_status, tail

GIT = Tool("git", package="git")

# Seconds; the largest repositories take ten, a pipe in place of one of git's files takes for ever.
LONGEST_GIT = 300.0

# How `git ls-files -t` marks what it does not track.
_UNTRACKED = "?"

# Of a commit's name; git itself takes more digits the larger a repository grows.
_DIGITS = 12
_DESCRIBED = regex(r"(?P<tag>.+)-(?P<distance>[0-9]+)-g(?P<commit>[0-9a-f]+)")


def version_of(directory: Path) -> str:
    """Return the version of a work tree by its latest tag, the same for the same commit.

    ``1.4`` is the commit that is tagged ``v1.4`` or ``1.4``, ``1.4.post3+g0123456789ab`` the third
    one after it; what is not committed makes it ``…+g0123456789ab.dirty``.

    Raises :class:`DefinitionError` when there is no such tag.
    """
    asked = ("describe", "--tags", "--long", f"--abbrev={_DIGITS}", "--match=v[0-9]*")
    status, said = git(directory, *asked, "--match=[0-9]*", check=False)
    match = _DESCRIBED.fullmatch(said.decode("utf-8", "replace").strip())
    if status or match is None:
        raise DefinitionError(
            "git knows no version of this: there is no tag like v1.4 at or before its commit",
            where=Where(str(directory)),
            hint="tag a release: git tag v0.1.0; in a shallow clone first fetch what it lacks:"
            " git fetch --unshallow --tags",
        )
    try:
        tagged = Version(match["tag"].removeprefix("v"))
    except ValueError as error:
        raise DefinitionError(
            f"the tag {match['tag']!r} is no version of Python", where=Where(str(directory))
        ) from error
    changed = bool(changes_in(directory))
    after = int(match["distance"])
    # After a development release comes the next one, after any other its post-releases.
    pre = "".join(map(str, tagged.pre or ()))
    post, dev = tagged.post, tagged.dev
    if dev is not None:
        dev += after
    elif after:
        post = (post or 0) + after
    # git writes more digits where these are not enough, which depends on other commits.
    commit = f"g{match['commit'][:_DIGITS]}" if after or changed else ""
    local = ".".join(filter(None, (tagged.local, commit, "dirty" if changed else "")))
    words = [
        f"{tagged.epoch}!" if tagged.epoch else "",
        f"{'.'.join(map(str, tagged.release))}{pre}",
        "" if post is None else f".post{post}",
        "" if dev is None else f".dev{dev}",
        f"+{local}" if local else "",
    ]
    return "".join(words)


def changes_in(directory: Path) -> list[str]:
    """Return the paths of a directory that are neither as committed nor ignored, sorted."""
    # A filter is a program that the repository itself could name.
    asked = ("config", "--show-scope", "--name-only", "--null", "--get-regexp", r"^filter\.")
    words = git(directory, *asked, check=False)[1].decode("utf-8", "replace").split("\0")
    off = [
        f"{name}={'false' if name.endswith('.required') else ''}"
        for scope, name in zip(words[::2], words[1::2], strict=False)
        if scope not in ("system", "global")
    ]
    _, listed = git(
        directory,
        "--no-optional-locks",
        *(word for each in off for word in ("-c", each)),
        *("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty"),
        "--untracked-files=no",
        *("--", f":(literal){directory.resolve()}"),
        check=True,
    )
    # Each path comes after two letters and a blank, and is from the top of the repository.
    names = [os.fsdecode(line[3:]) for line in listed.split(b"\0") if line]
    top = _top(directory) if names else directory
    changed = {os.path.relpath(top / name, directory.resolve()) for name in names}
    return sorted(changed | names_in(directory)[1])


def names_in(directory: Path) -> tuple[set[str], set[str]]:
    """Return the paths that git tracks in a directory, and those that are new and may be sources.

    These are neither ignored nor made by tools or by earlier builds.
    """
    which = ("--cached", "--others", "--exclude-standard", "-t", "-z")
    # Named, because a repository may say that its files are elsewhere: git would list those.
    place = f":(literal){directory.resolve()}"
    _, listed = git(directory, "ls-files", *which, "--", place, check=True)
    found: tuple[set[str], set[str]] = set(), set()
    for line in listed.split(b"\0"):
        tag, _, name = os.fsdecode(line).partition(" ")
        # An ignored directory is listed itself, and so is one of a damaged repository.
        if name not in ("", "./") and not (tag == _UNTRACKED and is_below_generated(name)):
            found[tag == _UNTRACKED].add(name)
    return found[0], found[1] - delivered(found[1])


def git(directory: Path, *arguments: str, check: bool) -> tuple[int, bytes]:
    """Run git for its answer; the user's own settings say what is ignored and trusted."""
    environment = {
        **CLEAN_ENVIRONMENT,
        "HOME": str(Path.home()),
        # An object that is missing would be fetched, by programs that the project could name.
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
    }
    # A monitor is a program that the project itself could name.
    words = ("-c", "core.fsmonitor=false", *arguments)
    done = GIT.run(
        *words, environment=environment, directory=directory, check=False, seconds=LONGEST_GIT
    )
    if b"dubious ownership" in done.stderr:
        raise DefinitionError(
            "git does not read a project of another user",
            where=Where(str(directory)),
            why="its settings could name programs, which git would run as you",
            hint="build as its owner; or, if you trust its owner:"
            f" git config --global --add safe.directory {shlex.quote(str(_top(directory)))}",
        )
    if b"is outside repository" in done.stderr:
        raise DefinitionError(
            "its git repository says that its files are in another directory",
            where=Where(str(directory)),
            why=tail(done.stderr),
            hint="take `core.worktree` out of its configuration, or build of a copy without .git",
        )
    if check and done.returncode:
        raise ToolFailedError(
            f"git failed ({describe_status(done.returncode)})",
            why=f"command: git {' '.join(words)}\nin {directory}\n{tail(done.stderr)}",
        )
    return done.returncode, done.stdout


def _top(directory: Path) -> Path:
    """Return the work tree that a directory is in."""
    resolved = directory.resolve()
    return next(p for p in (resolved, *resolved.parents) if (p / ".git").exists())
