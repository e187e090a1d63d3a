"""A server of its own: it takes its socket as descriptor 3, or listens where it is told."""

import argparse
import os
import signal
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """Says which process answers."""

    def do_GET(self):
        text = f"solo {os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        print("asked for", self.path)


def main():
    """Serve until told to end; the request at hand is finished first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    arguments = parser.parse_args()
    if arguments.fd:
        server = HTTPServer(("", 0), Handler, bind_and_activate=False)
        server.socket = socket.socket(fileno=arguments.fd)
    else:
        server = HTTPServer((arguments.host, arguments.port), Handler)
    server.timeout = 0.2
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    print("ready")
    while not stopped:
        server.handle_request()


if __name__ == "__main__":
    main()
