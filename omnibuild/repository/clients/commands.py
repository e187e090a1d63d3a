"""Commands for people who do by hand what the installer does, or check it before."""

from __future__ import annotations

from omnibuild.repository import layout
from omnibuild.repository.clients import apt_source, yum_repo
from omnibuild.repository.state.head import Repository

# Stands for what nobody said at publishing.
UNKNOWN_URL = "https://repository.example"
GPGV, SQV = "gpgv", "sqv"


def address(record: Repository) -> str:
    """Return where the repository is, or what stands for it."""
    return record.base_url or UNKNOWN_URL


def options_for(record: Repository, channel: str) -> str:
    """Return options of the installer, each after a blank; ``channel`` is empty for the default."""
    place = "" if record.base_url else f" --url {UNKNOWN_URL}"
    return f"{place} --channel {channel}" if channel else place


def apt_commands(record: Repository, suite: str, package: str) -> str:
    """Return what sets up apt, and installs a package and that of the keys, which renews them."""
    url = address(record)
    keyring = apt_source.keyring_path(record.name)
    return f"""curl -fsSL {url}/{layout.key_path(record.name, "asc")} | \
sudo tee {keyring} >/dev/null
sudo tee /etc/apt/sources.list.d/{record.name}.sources >/dev/null <<'EOF'
{apt_source.source(url=url, suite=suite, components=record.components, keyring=keyring)}
EOF
sudo tee /etc/apt/preferences.d/{record.name} >/dev/null <<'EOF'
{apt_source.preferences(record.title)}
EOF
sudo apt-get update
sudo apt-get install {layout.keyring_package(record.name)} {package}"""


def dnf_commands(record: Repository, channel: str, tree: str, package: str) -> str:
    """Return the same for dnf."""
    url = address(record)
    place = f"{url}/yum/{channel}/{tree}/$basearch"
    # The mirrorlist switches all files of a state at once, but needs to know its own address.
    location = f"mirrorlist={place}/mirrorlist" if record.base_url else f"baseurl={place}"
    keyring = yum_repo.keyring_path(record.name)
    repo = yum_repo.repo(
        name=record.name, title=record.title, location=location, key=f"file://{keyring}"
    )
    return f"""sudo mkdir -p {keyring.rpartition("/")[0]}
curl -fsSL {url}/{layout.rpm_key_path(record.name)} | \
sudo tee {keyring} >/dev/null
sudo tee /etc/yum.repos.d/{record.name}.repo >/dev/null <<'EOF'
{repo}
EOF
sudo dnf install {layout.keyring_package(record.name)} {package}"""


def checked(record: Repository, path: str, then: str, verifier: str = GPGV) -> str:
    """Return what fetches a file, and goes on if the repository's key has signed it."""
    url, keyring = address(record), f"{record.name}.gpg"
    file = path.rpartition("/")[2]
    signature = f"{file}{layout.SIGNATURE}"
    if verifier == SQV:
        return f"""sqv --keyring ./{keyring} \\
  {signature} {file} |
  grep -x {record.fingerprint} &&
  {then}"""
    return f"""curl -fsSLO {url}/{layout.key_path(record.name, "gpg")}
curl -fsSLO {url}/{path}
curl -fsSLO {url}/{path}{layout.SIGNATURE}
gpgv --status-fd 1 --keyring ./{keyring} \\
  {signature} {file} |
  grep '^.GNUPG:. VALIDSIG .*{record.fingerprint}$' &&
  {then}"""
