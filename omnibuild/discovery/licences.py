"""SPDX expressions for what packages say of their licence in older ways."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

# What trove's classifiers mean where they mean one licence; "BSD License" means three.
_CLASSIFIED = {
    "Academic Free License (AFL)": "AFL-3.0",
    "Apache Software License": "Apache-2.0",
    "Artistic License": "Artistic-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "zlib/libpng License": "Zlib",
    "Zope Public License": "ZPL-2.1",
}
# Words that packages write in place of an identifier.
_WORDS = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "gplv2": "GPL-2.0-only",
    "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later",
    "mit license": "MIT",
    "new bsd": "BSD-3-Clause",
    "the mit license": "MIT",
}
_LONGEST = 200

# Licences that nobody named: SPDX keeps these words for what it does not list.
UNKNOWN = "LicenseRef-unknown"


def spdx(text: str) -> str:
    """Return the SPDX expression that a text is, or stands for; empty when it is neither."""
    text = " ".join(text.split())
    if not text or len(text) > _LONGEST:
        return ""
    if known := _WORDS.get(text.lower()):
        return known
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return ""


def spdx_of_classifiers(classifiers: Iterable[str]) -> str:
    """Return the expression that trove's classifiers of a licence stand for; empty if unclear."""
    found = []
    for classifier in classifiers:
        head, _, licence = classifier.rpartition(" :: ")
        if re.match(r"License\b", head) and licence in _CLASSIFIED:
            found.append(_CLASSIFIED[licence])
    return " OR ".join(sorted(set(found)))
