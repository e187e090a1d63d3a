"""The hosts of the acceptance tests serve certifications, too."""

from tests.acceptance.conftest import (
    authority,
    hosts,
    module_hosts,
    products,
    pytest_runtest_makereport,
    real_hosts,
)

__all__ = [
    "authority",
    "hosts",
    "module_hosts",
    "products",
    "pytest_runtest_makereport",
    "real_hosts",
]
