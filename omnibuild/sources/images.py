"""Images of registries, by docker or podman: they know registries, credentials and layers."""

from __future__ import annotations

from pathlib import Path

from omnibuild.architectures import TARGET
from omnibuild.containers import Engine, connect_any, engine_errors, has_image, split_tag
from omnibuild.errors import SandboxError, SourceError
from omnibuild.sources.roots.pins import ImageRoot


def resolve_image(image: str, name: str) -> ImageRoot:
    """Pin an image by the digest of what its registry serves now.

    Args:
        image: as ``ubuntu:22.04``.
        name: of the root.

    Raises:
        SandboxError: there is neither docker nor podman.
        SourceError: the registry does not serve it.
    """
    engine = connect_any()
    repository, tag = split_tag(image)
    _pull(engine, repository, tag or "latest", image)
    with engine_errors(f"{engine.name} does not know {image}"), engine.client() as client:
        pinned = client.inspect_image(image)["RepoDigests"]
    # The engine may know the same image of other registries, too; it writes names out in full.
    for candidate in pinned:
        known, _, digest = candidate.rpartition("@")
        if known == repository or known.endswith(f"/{repository}"):
            return ImageRoot(name, image, digest)
    raise SourceError(f"{engine.name} does not tell the digest of {image}", why="\n".join(pinned))


def export_image(root: ImageRoot, archive: Path) -> None:
    """Fetch an image by its digest and write its whole file system to ``archive``, a tar.

    Raises:
        SandboxError: there is neither docker nor podman.
        SourceError: the registry does not serve it.
    """
    engine = connect_any()
    repository, _ = split_tag(root.image)
    pinned = f"{repository}@{root.digest}"
    _pull(engine, repository, root.digest, pinned)
    with engine_errors(f"{engine.name} cannot export {pinned}"), engine.client() as client:
        made = client.create_container(pinned, ["/bin/sh"], use_config_proxy=False)
        try:
            with archive.open("wb") as stream:
                stream.writelines(client.export(made["Id"]))
        finally:
            client.remove_container(made["Id"], force=True, v=True)


def _pull(engine: Engine, repository: str, tag: str, name: str) -> None:
    try:
        with engine_errors(""), engine.client() as client:
            answer = client.pull(repository, tag=tag, platform=TARGET.oci)
            if has_image(client, name):
                return
    except SandboxError as error:
        answer = error.why
    raise SourceError(
        f"the image {name} cannot be fetched",
        why=f"{engine.name} says: {answer.strip()[-2000:]}",
        hint=f"try it yourself: {engine.name} pull {name}",
    )
