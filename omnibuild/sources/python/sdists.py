"""What well-known source distributions of the Python index are compiled with.

One row each, in alphabetical order. ``omnibuild lock`` applies it to what it pins as source, and
writes what it took into the lock. A row has components only: what a package builds with from the
index, it says itself. Sources that bring copies of all they link, as greenlet and gevent, need no
row; one that can take ours instead has the variable that says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import canonicalize_name

from omnibuild.recipe.models.needs import NO_NEEDS, SourceNeeds


def _with(*components: str, **environment: str) -> SourceNeeds:
    return SourceNeeds(needs=components, environment=environment)


# By normalised names. Builds find components by pkg-config, by programs on PATH and by the
# compiler's flags; variables are for those that look elsewhere, or would do without in silence.
SDISTS: Mapping[str, SourceNeeds] = {
    "borgbackup": _with("acl", "lz4", "openssl", "xxhash", "zstd"),
    "brotli": _with("brotli", USE_SYSTEM_BROTLI="1"),
    "cffi": _with("libffi"),
    "html5-parser": _with("libxml2"),
    "lxml": _with("libxml2", "libxslt"),
    "lz4": _with("lz4"),
    "mod-wsgi": _with("httpd"),
    "mysqlclient": _with("mariadb-connector-c"),
    "pillow": _with("freetype", "libjpeg-turbo", "libwebp", "zlib"),
    "psycopg-c": _with("libpq"),
    "psycopg2": _with("libpq"),
    "psycopg2-binary": _with("libpq"),
    "pygit2": _with("libgit2", LIBGIT2="$PREFIX"),
    "pylibacl": _with("acl"),
    "pyodbc": _with("unixodbc"),
    "pysqlite3": _with("sqlite"),
    "python-ldap": _with("cyrus-sasl", "openldap"),
    "pyyaml": _with("libyaml", PYYAML_FORCE_LIBYAML="1"),
    "scrypt": _with("openssl"),
    # Its build adds -g for one file, which then names the directory: linked without.
    "uwsgi": _with(
        *("libxcrypt", "openssl", "pcre2", "zlib"),
        UWSGI_INCLUDES="$PREFIX/include",
        CC="gcc -Wl,--strip-debug",
    ),
    "xxhash": _with("xxhash", XXHASH_LINK_SO="1"),
}


def needs_of(name: str) -> SourceNeeds:
    """Return what a package of the index is compiled with; nothing for most."""
    return SDISTS.get(canonicalize_name(name), NO_NEEDS)
