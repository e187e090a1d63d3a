"""What an engine keeps for us between steps: roots as images; and what a crash left in it."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

from omnibuild import files
from omnibuild.containers import Engine, engine_errors, has_image, missing_is_fine
from omnibuild.errors import SandboxError
from omnibuild.execute.sandbox.container import OWNER_LABEL
from omnibuild.execute.sandbox.owners import Owner

REPOSITORIES = "localhost/omnibuild-root"
ROOT_LABEL = "omnibuild.root"


def image_of(engine: Engine, root: Path, identity: str, scratch: Path) -> str:
    """Return the engine's name of a root, which is imported when it is not there yet.

    Args:
        engine: where.
        root: directory of the root file system.
        identity: digest that stands for it.
        scratch: directory for an archive of it, which goes again.
    """
    user, group = engine.user()
    # All in the name: podman 4 takes no tag when it imports.
    name = f"{REPOSITORIES}/{identity}-{user}-{group}"
    with engine_errors(f"{engine.name} cannot take the build root"), engine.client() as client:
        if has_image(client, name):
            return name
        with files.storage_errors(scratch), tempfile.TemporaryFile(dir=scratch) as archive:
            with tarfile.open(fileobj=archive, mode="w") as tar:
                tar.add(root, ".", filter=lambda entry: _owned(entry, user, group))
            archive.seek(0)
            changes = [f"LABEL {ROOT_LABEL}={identity}"]
            answer = client.import_image_from_data(archive, name, "latest", changes)
        if not has_image(client, name):
            raise SandboxError(f"{engine.name} did not take the build root", why=answer)
    return name


def remove_orphans(engine: Engine) -> None:
    """Remove the containers of processes that ended without removing them."""
    with engine_errors(f"{engine.name} does not list its containers"), engine.client() as client:
        for found in client.containers(all=True, filters={"label": OWNER_LABEL}):
            owner = Owner.parse(found["Labels"][OWNER_LABEL])
            if owner is not None and owner.is_gone():
                # Another omnibuild may be doing the same.
                with missing_is_fine():
                    client.remove_container(found["Id"], force=True, v=True)


def _owned(entry: tarfile.TarInfo, user: int, group: int) -> tarfile.TarInfo:
    """Let an entry belong to the user that steps run as: all of it is theirs, as in the store."""
    entry.uid, entry.gid, entry.uname, entry.gname = user, group, "", ""
    return entry
