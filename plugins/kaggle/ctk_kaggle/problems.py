"""What can go wrong between here and Kaggle, each told as a sentence of fact and one of help.

Nothing of a request is ever shown: its headers hold the token, and the address of a file holds a signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests
from kagglesdk.kaggle_env import get_access_token_from_env

from ctk.errors import CtkError

SITE = "https://www.kaggle.com"
TOKEN = (
    f"Make a token at {SITE}/settings/api and put it into KAGGLE_API_TOKEN or ~/.kaggle/access_token (or "
    "KAGGLE_USERNAME and KAGGLE_KEY, or kaggle.json), or run `kaggle auth login`."
)


class Passing(CtkError):
    """Something that another try may find gone; ``wait`` is how many seconds Kaggle asked for, if it did."""

    def __init__(self, problem: str, help: str = "", wait: float | None = None) -> None:
        super().__init__(problem, help)
        self.wait = wait


@contextmanager
def kaggle_errors(slug: str) -> Iterator[None]:
    """Turn what the official client and requests raise into the errors above.

    What was raised is not chained: its text has the address, and with it the signature.
    """
    try:
        yield
    except requests.HTTPError as error:
        raise of_status(error, slug) from None
    except requests.exceptions.SSLError:
        raise Passing(
            "Kaggle's certificate is not accepted.", "Behind a proxy, name its certificates in REQUESTS_CA_BUNDLE."
        ) from None
    except requests.exceptions.ProxyError:
        raise Passing("The proxy does not let through to Kaggle.", "Check HTTPS_PROXY and HTTP_PROXY.") from None
    except requests.Timeout:
        raise Passing("Kaggle does not answer in time.", "Try again later.") from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        raise Passing("There is no connection to Kaggle.", "Check the network and try again.") from None
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CtkError(
            f"Kaggle's answer about {slug} is not understood ({type(error).__name__}).",
            "A newer client may know it: pip install --upgrade kaggle",
        ) from None


def of_status(error: requests.HTTPError, slug: str) -> CtkError:
    """The error for an answer that is none, by its status and Kaggle's own words."""
    status, words, wait = _answer(error)
    page = f"{SITE}/competitions/{slug}"
    if error.response is not None and "competitions." not in urlsplit(error.response.url).path:
        return Passing(f"Kaggle's storage of files answers {status}.", "Try again later.", wait)
    if status == 401:
        return wrong_token()
    if status == 429:
        asked = f" It asks to wait {wait:.0f} s." if wait is not None else ""
        return Passing(f"Kaggle was asked too often.{asked}", "Wait a little and repeat.", wait)
    # Without permission to see a competition Kaggle answers 403 about 'competitions.get', whether it exists or not.
    if status == 404 or (status == 403 and "competitions.get" in words):
        return CtkError(
            f"Kaggle has no competition '{slug}' that you may see.",
            f"Does {page} open in a browser where you are logged in? A private one has to be joined first.",
        )
    if status == 403 and ("rules" in words.lower() or "participate" in words or not words):
        return rules_not_accepted(slug)
    said = f": {words.rstrip('.')}" if words else ""
    if status >= 500:
        return Passing(f"Kaggle has a problem of its own ({status}){said}.", "Try again later.", wait)
    return CtkError(f"Kaggle refuses ({status}){said}.", f"Does it work in a browser? {page}")


def rules_not_accepted(slug: str) -> CtkError:
    """For a competition that the user has not joined."""
    return CtkError(
        f"The rules of {slug} are not accepted yet.", f"Join it at {SITE}/competitions/{slug}/rules and repeat."
    )


def wrong_token() -> CtkError:
    """Names where the token comes from, never the token."""
    places = {"KAGGLE_API_TOKEN": "in KAGGLE_API_TOKEN", "access_token": "in ~/.kaggle/access_token"}
    source = get_access_token_from_env()[1]
    place = places.get(source or "", "(KAGGLE_USERNAME and KAGGLE_KEY, kaggle.json or a log-in)")
    return CtkError(f"Kaggle does not accept the token {place}; it may have expired.", TOKEN)


def _answer(error: requests.HTTPError) -> tuple[int, str, float | None]:
    """Status, Kaggle's words and the wait that it asks for. The status may be in the body of an answer 200."""
    response = error.response
    if response is None:
        return 0, "", None
    status, words = response.status_code, ""
    try:
        body = response.json()
        words, status = str(body.get("message", "")), int(body.get("code", status))
    except (ValueError, TypeError, AttributeError, requests.RequestException):
        pass
    try:
        wait = max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        wait = None
    return status, words, wait
