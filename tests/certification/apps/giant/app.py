"""A page that imports all that is installed, and says what cannot be."""

import importlib
from importlib.metadata import distributions

from flask import Flask, jsonify

app = Flask(__name__)
# They start something, or are made for another place.
PASSED_OVER = {"antigravity", "this", "locust", "gevent", "sphinx"}


@app.route("/health")
def health() -> str:
    return "fine"


@app.route("/")
def page():
    found = list(distributions())
    failed = {}
    for each in found:
        for name in (each.read_text("top_level.txt") or "").split():
            if name.isidentifier() and not name.startswith("_") and name not in PASSED_OVER:
                try:
                    importlib.import_module(name)
                except Exception as error:  # noqa: BLE001 - any is told
                    failed[name] = repr(error)
    return jsonify(version=1, distributions=len(found), failed=failed)
