"""The pages of a repository: how a person installs from it, and what is in it.

No scripts, and nothing from elsewhere. All that comes from packages is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from omnibuild.events import human_size
from omnibuild.repository import layout
from omnibuild.repository.clients import apt_source, yum_repo
from omnibuild.repository.clients.listing import Row, download_rows, newest, newest_rows, pages_of
from omnibuild.repository.clients.systems import APT, DNF
from omnibuild.repository.clients.template import render
from omnibuild.repository.state import Channel, Repository

# Stand for what nobody said at publishing, or what there is none of.
UNKNOWN_URL = "https://repository.example"
UNKNOWN_PACKAGE = "PACKAGE"
UNKNOWN_TARBALL = "FILE.tar.zst"


def landing_pages(
    record: Repository, channels: Mapping[str, Channel], default: str
) -> dict[str, str]:
    """Return all pages by their path; ``default`` is the channel that the instructions follow."""
    pages = pages_of(newest_rows(channels))
    front = {
        "STYLE": render("style.css", {}),
        "TITLE": escape(record.title),
        **_install(record, channels[default]),
        **_by_hand(record, default, channels[default]),
        "PACKAGES": _packages(pages),
        **_key(record),
    }
    found = {layout.LANDING_PAGE: render("index.html.in", front)}
    for beginning, rows in pages.items():
        if beginning:
            values = {
                "STYLE": front["STYLE"],
                "TITLE": front["TITLE"],
                "BEGINNING": escape(beginning),
                "TABLE": _table(rows, "../"),
            }
            found[layout.packages_page(beginning)] = render("packages.html.in", values)
    return found


def _install(record: Repository, content: Channel) -> dict[str, str]:
    url = record.base_url or UNKNOWN_URL
    option = "" if record.base_url else f" --url {UNKNOWN_URL}"
    note = f"<p>Write this page's own address for <code>{UNKNOWN_URL}</code>.</p>"
    systems = sorted({system.title for system in record.systems.values()})
    package = _example(content)
    command = f"curl -fsSL {url}/{layout.INSTALLER} | sudo sh -s --{option} {package}"
    return {
        "SYSTEMS": f"<p>For {escape(', '.join(systems))}.</p>" if systems else "",
        "INSTALL_COMMAND": _code(command, "Install with one command"),
        "INSTALLER": layout.INSTALLER,
        "ADDRESS_NOTE": "" if record.base_url else note,
        "PACKAGE": escape(package),
    }


def _example(content: Channel) -> str:
    debs, rpms = content.debs.values(), content.rpms.values()
    names = [deb.name for deb in debs] + [rpm.name for rpm in rpms]
    return min(names, default=UNKNOWN_PACKAGE)


def _by_hand(record: Repository, channel: str, content: Channel) -> dict[str, str]:
    package = _example(content)
    trees = _places(record, DNF) or {"el9": "Enterprise Linux 9"}
    tree = min(trees)
    return {
        "APT_COMMANDS": _code(_apt_commands(record, channel, package), "Commands for apt"),
        "APT_SUITES": "".join(
            f"<p>On {escape(title)} the suite is <code>{escape(channel + place)}</code>.</p>"
            for place, title in _places(record, APT).items()
            if place
        ),
        "DNF_COMMANDS": _code(_dnf_commands(record, channel, tree, package), "Commands for dnf"),
        "DNF_TREES": "".join(
            f"<p>On {escape(title)} write <code>{escape(place)}</code> for"
            f" <code>{escape(tree)}</code>.</p>"
            for place, title in trees.items()
            if place != tree
        ),
        **_tarball(record, content),
    }


def _places(record: Repository, family: str) -> dict[str, str]:
    """Return the suffixes of suites, or the trees, and for whom they are."""
    titles: dict[str, list[str]] = {}
    for system in sorted(record.systems.values()):
        if system.family == family and system.title not in titles.setdefault(system.place, []):
            titles[system.place].append(system.title)
    return {place: ", ".join(found) for place, found in titles.items()}


def _apt_commands(record: Repository, channel: str, package: str) -> str:
    url = record.base_url or UNKNOWN_URL
    keyring = f"/usr/share/keyrings/{record.name}.asc"
    return f"""curl -fsSL {url}/{layout.key_path(record.name, "asc")} | \
sudo tee {keyring} >/dev/null
sudo tee /etc/apt/sources.list.d/{record.name}.sources >/dev/null <<'EOF'
{apt_source.source(url=url, suite=channel, keyring=keyring)}
EOF
sudo tee /etc/apt/preferences.d/{record.name} >/dev/null <<'EOF'
{apt_source.preferences(record.title)}
EOF
sudo apt-get update
sudo apt-get install {package}"""


def _dnf_commands(record: Repository, channel: str, tree: str, package: str) -> str:
    url = record.base_url or UNKNOWN_URL
    place = f"{url}/yum/{channel}/{tree}/$basearch"
    # The mirrorlist switches all files of a state at once, but needs to know its own address.
    location = f"mirrorlist={place}/mirrorlist" if record.base_url else f"baseurl={place}"
    key = f"{url}/{layout.key_path(record.name, 'asc')}"
    repo = yum_repo.repo(name=record.name, title=record.title, location=location, key=key)
    return f"""sudo tee /etc/yum.repos.d/{record.name}.repo >/dev/null <<'EOF'
{repo}
EOF
sudo dnf install {package}"""


def _tarball(record: Repository, content: Channel) -> dict[str, str]:
    url = record.base_url or UNKNOWN_URL
    files = [row.href.rpartition("/")[2] for row in newest(download_rows("", content))]
    file = files[0] if files else UNKNOWN_TARBALL
    signature, keyring = f"{file}{layout.SIGNATURE}", f"{record.name}.gpg"
    commands = f"""curl -fsSLO {url}/{layout.key_path(record.name, "gpg")}
curl -fsSLO {url}/{layout.DOWNLOADS}/{file}
curl -fsSLO {url}/{layout.DOWNLOADS}/{signature}
gpgv --status-fd 1 --keyring ./{keyring} \\
  {signature} {file} |
  grep '^.GNUPG:. VALIDSIG .*{record.fingerprint}$' &&
  tar -xf {file}"""
    with_sqv = f"""sqv --keyring ./{keyring} \\
  {signature} {file} |
  grep -x {record.fingerprint} &&
  tar -xf {file}"""
    return {
        "TARBALL_COMMANDS": _code(commands, "Commands for a tarball"),
        "SQV_COMMANDS": _code(with_sqv, "Commands for a tarball, with sqv"),
    }


def _packages(pages: Mapping[str, list[Row]]) -> str:
    if "" in pages:
        return _table(pages[""], "") if pages[""] else "<p>None yet.</p>"
    links = "\n".join(
        f'<li><a href="{escape(layout.packages_page(beginning))}">{escape(beginning)}</a>'
        f" ({len(rows)})</li>"
        for beginning, rows in pages.items()
    )
    return f'<p>By the beginning of their names:</p>\n<ul class="beginnings">\n{links}\n</ul>'


def _table(rows: Iterable[Row], root: str) -> str:
    lines = "\n".join(
        f'<tr><th scope="row"><a href="{escape(root + row.href)}">{escape(row.name)}</a></th>'
        f"<td>{escape(row.version)}</td><td>{escape(row.architecture)}</td>"
        f"<td>{escape(row.place)}</td><td>{escape(row.summary)}</td>"
        f'<td class="number">{human_size(row.size)}</td></tr>'
        for row in rows
    )
    return render("table.html.in", {"ROWS": lines}).rstrip("\n")


def _key(record: Repository) -> dict[str, str]:
    groups = [record.fingerprint[i : i + 4] for i in range(0, len(record.fingerprint), 4)]
    command = f"gpg --show-keys --with-fingerprint {record.name}.asc"
    return {
        "FINGERPRINT": " ".join(groups),
        "KEY": escape(layout.key_path(record.name, "asc")),
        "KEY_COMMANDS": _code(command, "Show the fingerprint"),
    }


def _code(text: str, label: str) -> str:
    return f'<pre tabindex="0" aria-label="{escape(label)}"><code>{escape(text)}</code></pre>'
