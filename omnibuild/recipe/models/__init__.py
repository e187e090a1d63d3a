"""Recipes, software and platforms as validated, frozen data.

Parser, JSON schema and reference page come from these; fields' descriptions are for users. Each
module is loaded when something of it is asked for: who publishes needs platforms alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omnibuild.recipe.models.app import (
        App,
        AppSource,
        Recipe,
    )
    from omnibuild.recipe.models.audit import Audit, HostPackages, Waiver
    from omnibuild.recipe.models.base import Model
    from omnibuild.recipe.models.build import Build, Node
    from omnibuild.recipe.models.package import (
        ConfigFile,
        FormatRelations,
        HostFile,
        OtherRelations,
        Package,
    )
    from omnibuild.recipe.models.platform import (
        FORMATS,
        Apk,
        ArchLinux,
        Debian,
        Ipk,
        Oci,
        Pex,
        Platform,
        Rpm,
        Settings,
        Tar,
    )
    from omnibuild.recipe.models.python import Python
    from omnibuild.recipe.models.services import (
        Bundle,
        KeyValueStore,
        Memcached,
        PostgreSQL,
        Resources,
        Secret,
        Service,
        Timer,
    )
    from omnibuild.recipe.models.software import (
        Chosen,
        Software,
        Source,
        StepLimits,
        TemplateStep,
        Variant,
    )
    from omnibuild.recipe.models.web import Limits, Tls, Web

__all__ = [
    "Model",
    "App",
    "AppSource",
    "Python",
    "Web",
    "Limits",
    "Tls",
    "Service",
    "Timer",
    "Resources",
    "Secret",
    "Package",
    "FormatRelations",
    "OtherRelations",
    "Build",
    "Node",
    "Bundle",
    "PostgreSQL",
    "KeyValueStore",
    "Memcached",
    "Audit",
    "Waiver",
    "HostPackages",
    "ConfigFile",
    "HostFile",
    "Recipe",
    "Source",
    "Chosen",
    "Variant",
    "StepLimits",
    "TemplateStep",
    "Software",
    "Debian",
    "Oci",
    "Pex",
    "Rpm",
    "Tar",
    "ArchLinux",
    "Apk",
    "Ipk",
    "Settings",
    "FORMATS",
    "Platform",
]

_NAMES = {
    "app": "App AppSource Recipe",
    "audit": "Audit HostPackages Waiver",
    "base": "Model",
    "build": "Build Node",
    "package": "ConfigFile FormatRelations HostFile OtherRelations Package",
    "platform": "FORMATS Apk ArchLinux Debian Ipk Oci Pex Platform Rpm Settings Tar",
    "python": "Python",
    "services": "Bundle KeyValueStore Memcached PostgreSQL Resources Secret Service Timer",
    "software": "Chosen Software Source StepLimits TemplateStep Variant",
    "web": "Limits Tls Web",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
