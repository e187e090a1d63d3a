"""A static file server, run as a program in a host's network by :func:`hosts.web.serve`.

usage: fileserver.py DIRECTORY ADDRESS PORT [CERTIFICATE KEY]
"""

import functools
import http.server
import ssl
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files on connections that stay open, as apt and dnf use them."""

    protocol_version = "HTTP/1.1"


def main() -> None:
    """Serve until killed; the first line of the log says that the port is open."""
    directory, address, port, *pair = sys.argv[1:]
    handler = functools.partial(Handler, directory=directory)
    server = http.server.ThreadingHTTPServer((address, int(port)), handler)
    if pair:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stderr.write("serving\n")
    sys.stderr.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
