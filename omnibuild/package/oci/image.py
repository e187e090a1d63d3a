"""The documents of an image: its configuration, its manifest, its index.

They follow the OCI image specification 1.1; beside them lies the list by which ``docker load``
of before 2024 finds the same files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from omnibuild.digests import Digest, canonical_json, of_bytes
from omnibuild.package.oci.accounts import GROUP, USER
from omnibuild.package.oci.layout import ANNOTATION, BLOBS, CONFIG, INDEX, LAYER, LAYOUT, MANIFEST
from omnibuild.payload.model import Metadata, Payload


@dataclass(frozen=True)
class Packed:
    """A layer as it is stored.

    Args:
        title: what it brings.
        digest: of the compressed archive.
        size: bytes of that.
        unpacked: digest of the archive itself.
    """

    title: str
    digest: Digest
    size: int
    unpacked: Digest


def documents(payload: Payload, architecture: str, layers: Sequence[Packed]) -> dict[str, bytes]:
    """Return all files of an image layout but the layers, by their paths."""
    metadata = payload.metadata
    config = canonical_json(_config(payload, architecture, layers))
    manifest = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [
                {"mediaType": LAYER, "digest": f"sha256:{each.digest}", "size": each.size}
                for each in layers
            ],
            "annotations": _labels(metadata),
        }
    )
    name, tag = named(metadata)
    described = {
        **_descriptor(MANIFEST, manifest),
        "platform": {"architecture": architecture, "os": "linux"},
        "annotations": {
            f"{ANNOTATION}.ref.name": tag,
            # What engines that are built on containerd call it.
            "io.containerd.image.name": f"docker.io/library/{name}:{tag}",
        },
    }
    loaded = {
        "Config": f"{BLOBS}/{of_bytes(config)}",
        "RepoTags": [f"{name}:{tag}"],
        "Layers": [f"{BLOBS}/{each.digest}" for each in layers],
    }
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [described]}
    return {
        LAYOUT: canonical_json({"imageLayoutVersion": "1.0.0"}),
        "index.json": canonical_json(index),
        "manifest.json": canonical_json([loaded]),
        f"{BLOBS}/{of_bytes(config)}": config,
        f"{BLOBS}/{of_bytes(manifest)}": manifest,
    }


def named(metadata: Metadata) -> tuple[str, str]:
    """Return name and version as registries allow them: neither plus nor tilde."""
    name = metadata.name.replace("+", "plus")
    return name, metadata.version.replace("+", "_").replace("~", "-")


def _config(payload: Payload, architecture: str, layers: Sequence[Packed]) -> dict[str, Any]:
    metadata = payload.metadata
    created = datetime.fromtimestamp(metadata.date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "created": created,
        "author": metadata.maintainer,
        "architecture": architecture,
        "os": "linux",
        "config": {"Labels": _labels(metadata), **_started(payload)},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{each.unpacked}" for each in layers]},
        "history": [{"created": created, "created_by": each.title} for each in layers],
    }


def _started(payload: Payload) -> dict[str, Any]:
    """Return what engines start, and as whom."""
    container = payload.container
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if container is None:
        return {"Env": [f"PATH={path}"]}
    data = container.directories[0]
    ports: dict[str, Any] = {}
    if container.port:
        ports = {"ExposedPorts": {f"{container.port}/tcp": {}}}
    return {
        "User": f"{USER}:{GROUP}",
        "Env": [f"PATH={payload.prefix}/bin:{path}", f"HOME={data}", "LANG=C.UTF-8"],
        **({"Entrypoint": [container.entry]} if container.entry else {}),
        "WorkingDir": data,
        "StopSignal": "SIGTERM",
        "Volumes": {data: {}},
        **ports,
    }


def _labels(metadata: Metadata) -> dict[str, str]:
    said: Mapping[str, str] = {
        "title": metadata.name,
        "version": metadata.version,
        "description": metadata.summary,
        "licenses": metadata.license,
        "url": metadata.homepage,
        "vendor": metadata.vendor,
        "authors": metadata.maintainer,
    }
    return {f"{ANNOTATION}.{name}": value for name, value in said.items() if value}


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{of_bytes(data)}", "size": len(data)}
