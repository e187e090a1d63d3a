"""A host that serves data: Debian's PostgreSQL, MariaDB and OpenLDAP, over TLS alone."""

from __future__ import annotations

from tests.acceptance.hosts import Authority, BootedHost, eventually

PACKAGES = ("ldap-utils", "libsasl2-modules", "mariadb-server", "postgresql", "slapd")
NAME = "natives"
BASE = "dc=example,dc=com"
KEYS = "/etc/ssl/served"

_POSTGRESQL = """
conf=$(echo /etc/postgresql/*/main)
cat >> $conf/postgresql.conf <<END
listen_addresses = '*'
ssl = on
ssl_cert_file = '{keys}/postgres.pem'
ssl_key_file = '{keys}/postgres.key'
END
echo 'hostssl {name} {name} 0.0.0.0/0 scram-sha-256' > $conf/pg_hba.conf
echo 'local all postgres peer' >> $conf/pg_hba.conf
systemctl restart 'postgresql@*'
runuser -u postgres -- psql -c "CREATE ROLE {name} LOGIN PASSWORD '{word}'"
runuser -u postgres -- createdb --owner={name} --encoding=UTF8 --template=template0 {name}
"""
_MARIADB = """
cat > /etc/mysql/mariadb.conf.d/99-served.cnf <<END
[mariadbd]
bind-address = 0.0.0.0
require_secure_transport = ON
ssl_cert = {keys}/mysql.pem
ssl_key = {keys}/mysql.key
END
systemctl restart mariadb
mariadb -e "CREATE DATABASE {name}; GRANT ALL ON {name}.* TO {name}@'%' IDENTIFIED BY '{word}'"
"""
_LDAP = """
debconf-set-selections <<END
slapd slapd/domain string example.com
slapd shared/organization string Example
slapd slapd/password1 password {word}
slapd slapd/password2 password {word}
slapd slapd/move_old_database boolean true
slapd slapd/purge_database boolean true
END
DEBIAN_FRONTEND=noninteractive dpkg-reconfigure slapd
systemctl restart slapd
ldapadd -x -D cn=admin,{base} -w '{word}' -H ldapi:/// <<END
dn: cn={name},{base}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: {name}
userPassword: {word}
END
ldapmodify -Q -Y EXTERNAL -H ldapi:/// <<END
dn: cn=config
changetype: modify
replace: olcTLSCertificateFile
olcTLSCertificateFile: {keys}/openldap.pem
-
replace: olcTLSCertificateKeyFile
olcTLSCertificateKeyFile: {keys}/openldap.key
-
replace: olcSecurity
olcSecurity: simple_bind=128
-
replace: olcAuthzRegexp
olcAuthzRegexp: uid=([^,]*),cn=[^,]*,cn=auth cn=\\$1,{base}
END
"""


def serve_data(host: BootedHost, address: str, authority: Authority, word: str) -> None:
    """Let the three servers of a host serve ``natives``, with ``word``, on its address."""
    issued = authority.issue(host.name, address)
    for owner in ("postgres", "mysql", "openldap"):
        host.write(f"{KEYS}/{owner}.pem", issued.chain.read_bytes())
        host.write(f"{KEYS}/{owner}.key", issued.key.read_bytes(), 0o600)
        host.run("chown", owner, f"{KEYS}/{owner}.key")
    values = {"keys": KEYS, "name": NAME, "word": word, "base": BASE}
    for script in (_POSTGRESQL, _MARIADB, _LDAP):
        host.shell(script.format(**values))
    ports = {"5432", "3306", "389"}
    eventually(
        lambda: ports <= {each.rpartition(":")[2] for each in host.listening()},
        "the servers listen",
    )
