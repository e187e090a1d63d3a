"""What build backends are told: a version, where they would ask a repository that is not there."""

from __future__ import annotations

import re

from packaging.version import Version

# Each takes the version from its own variable: setuptools-scm (and hatch-vcs and flit-scm, which
# use it), pdm-backend, pbr, poetry-dynamic-versioning, uv-dynamic-versioning.
_VARIABLES = (
    "SETUPTOOLS_SCM_PRETEND_VERSION",
    "VCS_VERSIONING_PRETEND_VERSION",
    "PDM_BUILD_SCM_VERSION",
    "PBR_VERSION",
    "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "UV_DYNAMIC_VERSIONING_BYPASS",
)


def version_variables(name: str, version: str) -> dict[str, str]:
    """Return the variables that tell a build its version; none for what is no version of Python.

    Args:
        name: of the package, which goes before what is said of all.
        version: as packages write it, ``~`` before a stage.
    """
    try:
        told = str(Version(version.replace("~", "")))
    except ValueError:
        return {}
    suffix = re.sub(r"[^A-Z0-9]+", "_", name.upper())
    variables = dict.fromkeys(_VARIABLES, told)
    return {**variables, f"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{suffix}": told}
