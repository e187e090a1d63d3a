"""What the remote cache says about keys: small signed records.

A record is one JSON object: the statement as text, and a signature of exactly that text. The
statement names the key that it is about, so no record can stand in for another one.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.remote.archive import BadObjectError
from omnibuild.signing.signer import Signer
from omnibuild.signing.verifier import Verifier
from omnibuild.store.results import Result

# Raise it when records change in a way that old readers would misread.
FORMAT = 1

# Seconds and bytes: what JSON's numbers hold exactly.
LARGEST = 2**53


def seal(key: Digest, result: Result, signer: Signer | None) -> bytes:
    """Return the record of what a key gave; the log stays where it was written."""
    body = replace(result, log="").to_data()
    # The reader's own word, for his store.
    del body["believed"]
    said = {**_about(key), "body": body}
    statement = digests.canonical_json(said)
    signature = signer.sign_detached_armored(statement).decode() if signer else ""
    return json.dumps({"statement": statement.decode(), "signature": signature}).encode()


def unseal(record: bytes, key: Digest, verifier: Verifier | None) -> Result:
    """Return the result that a record tells of.

    Args:
        record: as :func:`seal` made it.
        key: which it must be about.
        verifier: the trusted keys, one of which must have signed; anybody may if omitted.

    Raises :class:`BadObjectError`.
    """
    try:
        document = json.loads(record)
        statement, signature = document["statement"].encode(), document["signature"].encode()
        if verifier is not None and not verifier.is_signed(statement, signature):
            unsigned = "it is not signed" if not signature else "no trusted key signed it"
            raise BadObjectError(unsigned)
        said = json.loads(statement)
        body = said.pop("body")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadObjectError("it cannot be read") from error
    if said != _about(key):
        raise BadObjectError("it is about something else")
    return replace(_result(body), log="", believed=verifier is None)


def _about(key: Digest) -> dict[str, Any]:
    return {"format": FORMAT, "about": "result", "subject": key}


def _result(body: Any) -> Result:
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
        or not all(type(number) in (int, float) and 0 <= number <= LARGEST for number in numbers)
    ):
        raise BadObjectError("it is no result")
    return result
