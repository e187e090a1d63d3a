"""Recipes, software and platforms as validated, frozen data.

Parser, JSON schema and reference page come from these; fields' descriptions are for users.
"""

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
