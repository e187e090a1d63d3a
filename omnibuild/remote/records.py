"""What the remote cache says about keys and trees: small signed documents.

A document is one JSON object: the statement as text, and a signature of exactly that text. The
statement names what it is about, so no document can stand in for another one.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Literal

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.remote.archive import BadObjectError
from omnibuild.signing.signer import Signer
from omnibuild.signing.verifier import Verifier
from omnibuild.store.results import Result

About = Literal["result", "tree"]

# Raise it when documents change in a way that old readers would misread.
FORMAT = 1


def seal(about: About, subject: Digest, body: dict[str, Any], signer: Signer | None) -> bytes:
    """Return the document that says ``body`` about the key or tree ``subject``."""
    statement = digests.canonical_json(
        {"format": FORMAT, "about": about, "subject": subject, "body": body}
    )
    signature = signer.sign_detached_armored(statement).decode() if signer else ""
    return json.dumps({"statement": statement.decode(), "signature": signature}).encode()


def unseal(data: bytes, about: About, subject: Digest, verifier: Verifier | None) -> dict[str, Any]:
    """Return the body of a document.

    Args:
        data: the document.
        about: what it must be about,
        subject: and which one.
        verifier: the trusted keys, one of which must have signed; anybody may if omitted.

    Raises :class:`BadObjectError`.
    """
    try:
        document = json.loads(data)
        statement, signature = document["statement"].encode(), document["signature"].encode()
        if verifier is not None and not verifier.is_signed(statement, signature):
            unsigned = "it is not signed" if not signature else "no trusted key signed it"
            raise BadObjectError(unsigned)
        said = json.loads(statement)
        body = said.pop("body")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadObjectError("it cannot be read") from error
    if said != {"format": FORMAT, "about": about, "subject": subject}:
        raise BadObjectError("it is about something else")
    if not isinstance(body, dict):
        raise BadObjectError("it says nothing")
    return body


def result_body(result: Result) -> dict[str, Any]:
    """Return what a document says about a key; the log stays where it was written."""
    return replace(result, log="").to_data()


def result_of(body: dict[str, Any]) -> Result:
    """Return the result that a document tells of; raises :class:`BadObjectError`."""
    try:
        result = Result.from_data(body)
    except (KeyError, TypeError) as error:
        raise BadObjectError("it is no result") from error
    output = result.output
    numbers = (result.seconds, result.cpu, result.memory)
    if (
        output.kind not in ("blob", "tree")
        or not all(isinstance(text, str) for text in (output.digest, output.identity))
        or not digests.is_digest(output.digest)
        or not (output.identity == "" or digests.is_digest(output.identity))
        or not all(type(number) in (int, float) and number >= 0 for number in numbers)
    ):
        raise BadObjectError("it is no result")
    return replace(result, log="")
