"""Uses every native library that it is compiled with, on the servers of another host.

``natives SERVER WORD`` writes and reads by each of them, and tells as JSON what came of it and
which files the process has loaded.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import ldap
import ldap.sasl
import lxml.etree
import lxml.html
import MySQLdb
import psycopg
import pyodbc
import yaml
from PIL import Image, ImageDraw, ImageFont, features

TEXT = "grün"
BASE = "dc=example,dc=com"


def main() -> None:
    """Tell what each library did: SERVER, WORD, and those to use."""
    server, word, *wanted = sys.argv[1:]
    said = {name: USES[name](server, word) for name in wanted}
    sys.stdout.write(json.dumps({**said, "libraries": libraries()}) + "\n")


def libraries() -> list[str]:
    """Return the shared objects that this process has loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    found = {line.split(maxsplit=5)[-1] for line in lines if ".so" in line}
    return sorted(path for path in found if path.startswith("/"))


def postgresql(server: str, word: str) -> Mapping[str, object]:
    """Use libpq: TLS with the host's certificates, and a password that is never sent."""
    told = f"host={server} user=natives password={word} dbname=natives sslmode=verify-full"
    with psycopg.connect(f"{told} sslrootcert=system") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS said (what text)")
        connection.execute("INSERT INTO said VALUES (%s)", (TEXT,))
        [(said, version)] = connection.execute("SELECT what, version() FROM said LIMIT 1")
        [(tls,)] = connection.execute(
            "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        )
    return {
        "said": said,
        "server": version,
        "tls": tls,
        "implementation": psycopg.pq.__impl__,
        "library": psycopg.pq.version(),
    }


def mariadb(server: str, word: str) -> Mapping[str, object]:
    """Use MariaDB's client library."""
    connection = MySQLdb.connect(
        host=server,
        user="natives",
        password=word,
        database="natives",
        charset="utf8mb4",
        compress=True,
        ssl_mode="VERIFY_IDENTITY",
    )
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS said (what text) CHARACTER SET utf8mb4")
    cursor.execute("INSERT INTO said VALUES (%s)", (TEXT,))
    connection.commit()
    cursor.execute("SELECT what, version() FROM said LIMIT 1")
    said, version = cursor.fetchone()
    cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
    tls = cursor.fetchone()[1]
    cursor.execute("SHOW STATUS LIKE 'Compression'")
    compressed = cursor.fetchone()[1]
    connection.close()
    client = MySQLdb.get_client_info()
    return {"said": said, "server": version, "tls": tls, "compressed": compressed, "client": client}


def directory(server: str, word: str) -> Mapping[str, object]:
    """Use OpenLDAP's client library over TLS, with a password and with SCRAM of cyrus-sasl."""
    connection = ldap.initialize(f"ldap://{server}")
    connection.start_tls_s()
    connection.simple_bind_s(f"cn=admin,{BASE}", word)
    who = [connection.whoami_s()]
    name = f"cn=natives,{BASE}"
    connection.modify_s(name, [(ldap.MOD_REPLACE, "description", [TEXT.encode()])])
    answers = {ldap.sasl.CB_AUTHNAME: "natives", ldap.sasl.CB_PASS: word}
    connection.sasl_interactive_bind_s("", ldap.sasl.sasl(answers, "SCRAM-SHA-256"))
    who.append(connection.whoami_s())
    [(_, found)] = connection.search_s(name, ldap.SCOPE_BASE)
    return {
        "said": found["description"][0].decode(),
        "who": who,
        "tls": connection.get_option(ldap.OPT_X_TLS_VERSION),
    }


def odbc(server: str, word: str) -> Mapping[str, object]:
    """Use unixODBC, with the drivers that the host has."""
    told = {}
    for driver, more in {
        "PostgreSQL Unicode": "SSLmode=require",
        "MariaDB Unicode": "FORCETLS=1",
    }.items():
        connection = pyodbc.connect(
            f"Driver={{{driver}}};Server={server};Database=natives;UID=natives;PWD={word};{more}"
        )
        told[driver] = connection.execute("SELECT what FROM said LIMIT 1").fetchone()[0]
        connection.close()
    return told


def markup(_server: str, _word: str) -> Mapping[str, object]:
    """Use libxml2, libxslt and libyaml."""
    sheet = lxml.etree.XSLT(
        lxml.etree.XML(
            '<x:stylesheet version="1.0" xmlns:x="http://www.w3.org/1999/XSL/Transform">'
            '<x:template match="/"><b><x:value-of select="//i"/></b></x:template>'
            "</x:stylesheet>"
        )
    )
    page = lxml.html.document_fromstring(f"<p><b>one</b><i>{TEXT}")
    return {
        "said": sheet(page).getroot().text,
        "libxml2": lxml.etree.LIBXML_VERSION,
        "libxslt": lxml.etree.LIBXSLT_VERSION,
        "yaml": yaml.load(f"[{TEXT}, 1]", yaml.CSafeLoader),
    }


def pictures(_server: str, _word: str) -> Mapping[str, object]:
    """Use libjpeg-turbo, libwebp, zlib and FreeType."""
    sizes = {}
    for form in ("jpeg", "png", "webp"):
        image, stream = Image.new("RGB", (64, 32), "white"), io.BytesIO()
        ImageDraw.Draw(image).text((4, 4), TEXT, "black", ImageFont.load_default(16))
        image.save(stream, form)
        read = Image.open(io.BytesIO(stream.getvalue()))
        # Black on white: something was drawn, and came back.
        sizes[form] = [*read.size, min(read.convert("L").getdata()) < 100]
    wanted = ("freetype2", "libjpeg_turbo", "webp", "zlib")
    return {"sizes": sizes, "versions": {name: features.version(name) for name in wanted}}


USES: Mapping[str, Callable[[str, str], Mapping[str, object]]] = {
    "postgresql": postgresql,
    "mariadb": mariadb,
    "directory": directory,
    "odbc": odbc,
    "markup": markup,
    "pictures": pictures,
}
