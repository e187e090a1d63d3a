"""A panel: what it shows is bundled by node, what it knows is asked of here."""

import os
from pathlib import Path

from flask import Flask

SHARE = Path(os.environ.get("PANEL_SHARE", "."), "frontend")

app = Flask(__name__, static_folder=SHARE, static_url_path="")


@app.get("/")
def front():
    return app.send_static_file("index.html")


@app.get("/health")
def health():
    return "fine"


@app.get("/api/lamps")
def lamps():
    return [{"name": "hall", "lit": True}, {"name": "yard", "lit": False}]
