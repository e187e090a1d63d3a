"""How each app of the index is used on a host once it is installed, and what it then says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Use:
    """Lines of shell that root runs on the host, in an empty directory.

    Args:
        script: the first line that fails ends it.
        says: what its output holds.
        url: what is then requested, if it serves something in the background.
        answers: what the answer holds.
        write: a line that somebody had to add to the recipe of ``init``.
    """

    script: str = ""
    says: str = ""
    url: str = ""
    answers: str = ""
    write: str = ""

    @property
    def summary(self) -> str:
        """What it comes to, for a table."""
        return f"{self.url} answers" if self.url else f"it says {self.says!r}"


# A server in the background, ended by `systemctl stop use`.
_SERVE = "systemd-run --quiet --unit=use --working-directory=$PWD --setenv=HOME=/root"

USES: Mapping[str, Use] = MappingProxyType(
    {
        "ansible-core": Use(
            "ansible localhost -m copy -a 'content=made dest=/root/use/made' && cat made",
            says="made",
        ),
        "awscli": Use(
            "aws configure set region eu-west-1 && aws configure get region"
            " && aws ec2 describe-instances --generate-cli-skeleton | grep InstanceIds",
            says="eu-west-1",
        ),
        "celery": Use(
            "mkdir -p queue results && cat >tasks.py <<'END'\n"
            "from celery import Celery\n"
            "app = Celery('tasks', broker='filesystem://', backend='file:///root/use/results')\n"
            "place = {f'data_folder_{way}': '/root/use/queue' for way in ('in', 'out')}\n"
            "app.conf.broker_transport_options = place | {'control_folder': '/root/use/queue'}\n"
            "@app.task\ndef add(x, y): return x + y\nEND\n"
            f"{_SERVE} celery --workdir $PWD -A tasks worker --pool solo\n"
            "id=$(celery --workdir $PWD -A tasks call tasks.add --args '[2, 3]')\n"
            "for try in $(seq 100); do\n"
            "    if grep -rq SUCCESS results; then break; fi\n    sleep 0.2\ndone\n"
            "celery --workdir $PWD -A tasks result $id",
            says="5",
        ),
        "certbot": Use("certbot certificates", says="No certificates found"),
        "flower": Use(
            f"{_SERVE} flower --broker=memory:// flower --address=127.0.0.1 --port=5555",
            url="http://127.0.0.1:5555/healthcheck",
            answers="OK",
        ),
        "glances": Use("glances --stdout cpu.user --stop-after 2", says="cpu.user:"),
        "gunicorn": Use(
            'echo \'def app(e, start): start("200 OK", []); return [b"served"]\' >served.py\n'
            f"{_SERVE} gunicorn --chdir $PWD --bind 127.0.0.1:8091 served:app",
            url="http://127.0.0.1:8091/",
            answers="served",
        ),
        "isso": Use(
            "printf '[general]\\ndbpath = /root/use/comments.db\\nhost = http://localhost/\\n"
            "[server]\\nlisten = http://127.0.0.1:8092\\n' >isso.cfg\n"
            f"{_SERVE} isso -c $PWD/isso.cfg run",
            url="http://127.0.0.1:8092/js/embed.min.js",
            answers="isso",
        ),
        "locust": Use(
            "echo x >index.html\n"
            f"{_SERVE} /opt/locust/bin/python3.13 -m http.server --bind 127.0.0.1 8093\n"
            "printf 'from locust import HttpUser, task\\nclass User(HttpUser):\\n    @task\\n"
            '    def page(self): self.client.get("/")\\n\' >locustfile.py\n'
            "sleep 2; locust --headless --users 2 --spawn-rate 2 --run-time 3s --only-summary"
            " --host http://127.0.0.1:8093 2>&1",
            says="Aggregated",
        ),
        "mercurial": Use(
            "hg init repo && cd repo && echo text >file && hg add file"
            " && hg commit -u me -m 'the first' && hg log",
            says="the first",
        ),
        "mkdocs-material": Use(
            "mkdocs new . && printf 'theme: {name: material}\\n' >>mkdocs.yml && mkdocs build"
            " && grep -o 'mkdocs-material-[0-9.]*' site/index.html",
            says="mkdocs-material-",
        ),
        "poetry": Use("poetry new -n thing && cd thing && poetry version", says="0.1.0"),
        "scrapy": Use(
            "echo '<html><title>scraped</title></html>' >page.html\n"
            'printf \'import scrapy\\nclass S(scrapy.Spider):\\n    name = "s"\\n'
            '    start_urls = ["file:///root/use/page.html"]\\n    def parse(self, response):\\n'
            '        yield {"title": response.css("title::text").get()}\\n\' >spider.py\n'
            "scrapy runspider spider.py -O out.json && cat out.json",
            says='"title": "scraped"',
        ),
        "sphinx": Use(
            "sphinx-quickstart -q -p Thing -a Me -v 1 . && sphinx-build . out"
            " && grep -o '<title>.*</title>' out/index.html",
            says="Thing",
        ),
        "streamlit": Use(
            f"{_SERVE} streamlit hello --server.headless=true --server.port=8094"
            " --server.address=127.0.0.1",
            url="http://127.0.0.1:8094/_stcore/health",
            answers="ok",
        ),
        "supervisor": Use(
            "printf '[unix_http_server]\\nfile=/root/use/sock\\n[supervisord]\\n"
            "[supervisorctl]\\nserverurl=unix:///root/use/sock\\n[rpcinterface:supervisor]\\n"
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\\n"
            "[program:sleeper]\\ncommand=sleep 1000\\n' >supervisord.conf\n"
            f"{_SERVE} supervisord -n -c $PWD/supervisord.conf\n"
            "sleep 4; supervisorctl -c $PWD/supervisord.conf status",
            says="RUNNING",
        ),
        "wagtail": Use(
            "wagtail start pages && cd pages\n"
            "/opt/wagtail/bin/python3.13 manage.py migrate --verbosity 0\n"
            f"{_SERVE} /opt/wagtail/bin/python3.13 manage.py runserver --noreload 127.0.0.1:8095",
            url="http://127.0.0.1:8095/",
            answers="Wagtail",
        ),
    }
)
