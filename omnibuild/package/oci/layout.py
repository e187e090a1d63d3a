"""Names of the OCI image specification 1.1, which writers and readers of images share."""

from __future__ import annotations

from typing import Final

CONFIG: Final = "application/vnd.oci.image.config.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"

# The file that every layout has, and where its blobs lie.
LAYOUT: Final = "oci-layout"
BLOBS: Final = "blobs/sha256"

ANNOTATION: Final = "org.opencontainers.image"

# In a layer such a name takes a file of those beneath away, and this one all of a directory.
WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
