"""One page that needs every native library that people ask for."""

import io

import numpy
import psycopg
from cryptography.fernet import Fernet
from flask import Flask, jsonify
from lxml import etree
from PIL import Image

app = Flask(__name__)


@app.route("/health")
def health() -> str:
    return "fine"


@app.route("/")
def page():
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(picture, "JPEG")
    key = Fernet(Fernet.generate_key())
    try:
        psycopg.connect("postgresql://nobody@127.0.0.1:1/none", connect_timeout=2)
    except psycopg.OperationalError as error:
        refused = "refused" in str(error)
    return jsonify(
        version=1,
        numpy=float(numpy.linalg.norm(numpy.array([3.0, 4.0]))),
        pillow=len(picture.getvalue()) > 300,
        cryptography=key.decrypt(key.encrypt(b"kept")).decode(),
        lxml=etree.fromstring("<a><b>text</b></a>").xpath("string(b)"),
        psycopg=refused and psycopg.pq.version() > 0,
    )
