"""A page that only works if every compiled wheel does."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import greenlet
import numpy
import psycopg.pq
import pydantic
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from PIL import Image, features

app = Flask(__name__)


class Point(pydantic.BaseModel):
    """What pydantic's core, in Rust, validates."""

    x: int


@app.get("/")
def page() -> ResponseReturnValue:
    """Use each wheel, and tell which libraries that took."""
    # Over OpenBLAS, in Fortran and C, and C++.
    determinant = round(float(numpy.linalg.det(2 * numpy.eye(3))))
    pixels = numpy.zeros((8, 8), "uint8")
    sizes = {}
    for form in ("png", "jpeg", "webp", "tiff", "avif"):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, form)
        sizes[form] = Image.open(io.BytesIO(stream.getvalue())).size
    just = Path(sys.prefix, "bin/just")
    return jsonify(
        determinant=determinant,
        greenlet=greenlet.greenlet(lambda: "switched").switch(),
        images=sizes,
        just=subprocess.run([just, "--version"], capture_output=True, check=True).stdout.decode(),
        freetype=features.check("freetype2"),
        libpq=psycopg.pq.version(),
        point=Point.model_validate_json('{"x": "3"}').model_dump(),
        libraries=sorted(_libraries()),
    )


def _libraries() -> set[str]:
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {line[line.index("/") :] for line in lines if ".so" in line}
