"""Headers of every answer, and who may see the page of progress."""

from __future__ import annotations

import base64
import binascii
import hmac
import re

from seehear.listen.refusals import RefusalError

# Nothing from elsewhere, nothing inside other pages, nothing told to other sites.
HEADERS: dict[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TOKEN = re.compile(r"[0-9a-f]{32}\Z")
FAMILIES = (
    ("edge", r"Edg/"),
    ("firefox", r"Firefox/"),
    ("chromium", r"Chrome/|Chromium/|CriOS/"),
    ("safari", r"Safari/"),
)


def bearer_token(header: str) -> str:
    """The secret of a listener from an `Authorization` header.

    Raises:
        RefusalError: 401, not of that form.
    """
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not TOKEN.match(token):
        raise RefusalError(401, "expected the secret of a personal link")
    return token


def check_password(header: str, password: str) -> None:
    """Compare an HTTP Basic header with the password; the user's name does not matter.

    Raises:
        RefusalError: 401; the browser then asks for the password.
    """
    scheme, _, packed = header.partition(" ")
    try:
        said = base64.b64decode(packed, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        said = b""
    right = hmac.compare_digest(said, password.encode())
    if scheme.lower() != "basic" or not right:
        raise RefusalError(
            401,
            "the page of progress needs the password",
            headers={"WWW-Authenticate": 'Basic realm="listening test", charset="UTF-8"'},
        )


def device_class(agent: str) -> str:
    """Family of a browser and size of the device, all that is kept of its description.

    >>> device_class("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36")
    'chromium/desktop'
    """
    family = next((name for name, mark in FAMILIES if re.search(mark, agent)), "other")
    return f"{family}/{'phone' if re.search(r'Mobi|Android', agent) else 'desktop'}"
