"""What can be wrong with a host, in words: each with its place, and what to do."""

from __future__ import annotations

from omnibuild.errors import RepositoryError, Where
from omnibuild.repository.targets.ssh.address import Address
from omnibuild.tools import tail

# What ssh says, what that means, and what to do; its words are the same in all languages.
_REFUSALS = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host's key is another one than this machine knows",
        "find out why: somebody may be in between. If it was set up anew, remove the old key:"
        " ssh-keygen -R {host}",
    ),
    (
        "Host key verification failed",
        "this machine does not know the host's key",
        "compare it and accept it once: ssh {host}; or put it into ~/.ssh/known_hosts",
    ),
    (
        "Permission denied",
        "the host lets nobody in with the keys that ssh has",
        "try: ssh -o BatchMode=yes {host} true; nobody is asked for a passphrase, so have the key"
        " in ssh-agent",
    ),
    (
        "Could not resolve hostname",
        "there is no host of that name",
        "is it spelt right? Names of ~/.ssh/config can be used, too",
    ),
)
_UNKNOWN = ("", "the host cannot be reached", "try: ssh -o BatchMode=yes {host} true")
_SAID = (
    ("No space left on device", "the disk of the host is full", "make room there, and do it again"),
    ("Disk quota exceeded", "the disk quota on the host is used up", "make room there"),
    ("Read-only file system", "the host's file system cannot be written to", "look at it there"),
    (
        "Permission denied",
        "the user may not write there",
        "give the directory to who logs in: chown, or another user in the address",
    ),
    ("Not a directory", "a file is where a directory has to be", "choose another place"),
    (
        "Operation not permitted",
        "files there belong to another user",
        "give all of it to who logs in, with chown -R, or log in as their owner",
    ),
)
_HINTS = {
    "lies on several disks": "have all of it on one file system: files are given their names in one"
    " step, which is possible on one disk alone",
    "no directory": "a repository is a directory; choose another place",
}
_MISSING = "missing "
_PACKAGES = {"flock": "util-linux", "find": "findutils"}


def unreachable(address: Address, said: str) -> RepositoryError:
    """Return the error for a connection that was not made; ``said`` is what ssh said."""
    found = [(what, hint) for sign, what, hint in (*_REFUSALS, _UNKNOWN) if sign in said]
    what, hint = found[0]
    words = " ".join(word for word in address.options if word != "--")
    return RepositoryError(
        what, where=Where(str(address)), why=tail(said.encode()), hint=hint.format(host=words)
    )


def no_shell(address: Address, said: str, waited: float) -> RepositoryError:
    """Return the error for a host that lets somebody in, and runs nothing.

    Args:
        address: where.
        said: what it or ssh said, on either stream.
        waited: for how many seconds it said nothing more; 0 when it hung up.
    """
    words = " ".join(word for word in address.options if word != "--")
    return RepositoryError(
        f"the host ran nothing within {waited:.0f} s" if waited else "the host runs no command",
        where=Where(str(address)),
        why=tail(said.encode()),
        hint=f"the account needs a shell that runs what it is told; try: ssh {words} 'echo works'",
    )


def lost(address: Address, said: str) -> RepositoryError:
    """Return the error for a connection that ended."""
    return RepositoryError(
        "the connection to the host was lost",
        where=Where(str(address)),
        why=tail(said.encode()),
        hint="do it again: what was uploaded is there, and what was begun is completed",
    )


def refused(address: Address, what: str, said: str = "") -> RepositoryError:
    """Return the error for what the host could not do.

    Args:
        address: where.
        what: what the agent says of it.
        said: what the tools there said.
    """
    hint = _HINTS.get(what, "")
    if what.startswith(_MISSING):
        tool = what.removeprefix(_MISSING)
        package = _PACKAGES.get(tool, "coreutils")
        what = f"the host lacks the program {tool}"
        hint = f"install it there; it is in the package {package}"
    for sign, meaning, advice in _SAID:
        if sign in said:
            what, hint = f"{meaning} ({what})", advice
            break
    if what.startswith("changed "):
        what, hint = "an upload is not what it was said to be", "do it again"
    return RepositoryError(what, where=Where(str(address)), why=tail(said.encode()), hint=hint)
