"""Tests of the example app; run with ``python -m pytest`` and ``src`` on the path."""

import contextlib
import io
import json
import os
import socket
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from hello import __version__, cli, config, database, web


class Case(unittest.TestCase):
    def setUp(self):
        directory = TemporaryDirectory(prefix="hello test ")
        self.addCleanup(directory.cleanup)
        self.state = Path(directory.name)
        self.file = self.state / "hello.toml"
        self.file.write_text('title = "Tom & <Jerry>"\n')
        variables = {"HELLO_CONFIG": str(self.file), "HELLO_STATE": str(self.state)}
        patch = mock.patch.dict(os.environ, variables)
        patch.start()
        self.addCleanup(patch.stop)

    def get(self, path, method="GET"):
        environ = {"SCRIPT_NAME": "", "PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": ""}
        setup_testing_defaults(environ)
        answer = []
        result = validator(web.application)(environ, lambda *said: answer.extend(said))
        body = b"".join(result)
        result.close()
        return int(answer[0].split()[0]), dict(answer[1]), body.decode()

    def command(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = cli.main(arguments)
        return status, out.getvalue(), err.getvalue()


class Page(Case):
    def test_counts_and_escapes(self):
        database.initialise(self.state / "hello.db")
        self.assertIn("<strong id=\"visits\">1</strong> time.", self.get("/")[2])
        status, headers, body = self.get("/")
        self.assertEqual(status, 200)
        self.assertIn("<h1>Tom &amp; &lt;Jerry&gt;</h1>", body)
        self.assertIn(">2</strong> times.", body)
        self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")

    def test_head_does_not_count(self):
        database.initialise(self.state / "hello.db")
        self.assertEqual(self.get("/", "HEAD")[2], "")
        self.assertEqual(database.count(self.state / "hello.db"), 0)

    def test_refuses_the_rest(self):
        self.assertEqual(self.get("/nowhere")[0], 404)
        self.assertEqual(self.get("/", "POST")[0], 405)

    def test_workers_count_every_visit_once(self):
        path = self.state / "hello.db"
        database.initialise(path)
        with ThreadPoolExecutor(8) as pool:
            seen = set(pool.map(lambda _: database.visit(path), range(80)))
        self.assertEqual(seen, set(range(1, 81)))


class Health(Case):
    def test_healthy_without_tls(self):
        database.initialise(self.state / "hello.db")
        status, _, body = self.get("/health")
        self.assertEqual(status, 200)
        self.assertEqual(
            json.loads(body),
            {"status": "ok", "version": __version__, "database": "ok", "tls": "not configured"},
        )

    def test_no_database(self):
        status, _, body = self.get("/health")
        self.assertEqual(status, 503)
        self.assertIn("failed", json.loads(body)["database"])

    def test_tls_fails_where_nobody_speaks_it(self):
        database.initialise(self.state / "hello.db")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.file.write_text(f'tls-check = "127.0.0.1:{port}"\n')
            thread = threading.Thread(target=lambda: server.accept()[0].close())
            thread.start()
            status, _, body = self.get("/health")
            thread.join()
        self.assertEqual(status, 503)
        self.assertTrue(json.loads(body)["tls"].startswith("failed: "))


class Command(Case):
    def test_init_is_repeatable_and_keeps_the_count(self):
        self.assertEqual(self.command("init-db"), (0, "", ""))
        self.get("/")
        self.assertEqual(self.command("init-db"), (0, "", ""))
        self.assertEqual(self.command("count"), (0, "1\n", ""))

    def test_no_database(self):
        status, out, err = self.command("count")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("hello.db", err)

    def test_wrong_configuration(self):
        for text, said in (
            ("titel = 'x'", "unknown setting: titel"),
            ("title = 1", "not a string: title"),
            ("title", "hello.toml"),
            ("tls-check = 'example.com'", "not host:port"),
        ):
            with self.subTest(text):
                self.file.write_text(text)
                status, _, err = self.command("count")
                self.assertEqual(status, 2)
                self.assertIn(said, err)

    def test_shipped_example(self):
        shipped = Path(__file__).parents[1] / "files" / "hello.toml"
        loaded = config.load({"HELLO_CONFIG": str(shipped)})
        self.assertEqual(loaded.database, Path("/var/lib/hello/hello.db"))
        self.assertIsNone(loaded.tls_check)


if __name__ == "__main__":
    unittest.main()
