"""One request, and what it leads to: each answer that redirects is looked at and left unread.

requests would read the body of such an answer whole, and take apart unguarded what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urljoin

if TYPE_CHECKING:
    import requests

    from omnibuild.transfer.credentials import Credentials

MOST_REDIRECTS = 20


def new_session() -> requests.Session:
    """Return a session that leaves redirects to :func:`get`."""
    import requests

    class Session(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> None:
            """Say that it leads nowhere, also where nobody asked to follow."""

    return Session()


def get(
    session: requests.Session,
    url: str,
    headers: Mapping[str, str],
    timeouts: tuple[float, float],
    credentials: Credentials,
) -> requests.Response:
    """Return the answer to a request, with its body unread.

    Args:
        session: sends it, one of :func:`new_session`.
        url: what to ask for; each address that it leads to is asked with its own credentials.
        headers: of all these requests.
        timeouts: seconds to connect, and to wait for more of an answer.
        credentials: of the servers.

    Raises:
        requests.RequestException: no answer, one that leads to what is no URL, or too many.
    """
    import requests

    for _ in range(MOST_REDIRECTS):
        auth = credentials.of(url)
        response = session.get(url, headers=headers, stream=True, timeout=timeouts, auth=auth)
        if not response.is_redirect:
            return response
        response.close()
        try:
            place = requests.Session.get_redirect_target(session, response)
            url = urljoin(url, place)
        except ValueError as error:
            raise requests.exceptions.InvalidURL(f"it leads to no URL: {error}") from error
    raise requests.TooManyRedirects
