"""Which HTTP requests are no business of this server: those that other web pages send.

A page of any site can make its visitor's browser send requests to this machine, and send forms and
text without asking first (CORS). It can also give its own name this machine's address (DNS
rebinding), and then be of the same origin. So a request is refused if

    its Host is a name that this server does not go by,
    its Origin, Sec-Fetch-Site or Referer is that of another site, or
    a browser sends it with the content type of a form or of text, which the studio never does.

Programs (curl, requests, TensorFlow Serving's clients) send none of these headers.

Sources: fetch.spec.whatwg.org, CORS-safelisted content types and the Origin header; W3C Fetch
Metadata Request Headers.
"""

import ipaddress
import socket
from typing import Collection, Mapping, Optional
from urllib.parse import urlsplit

_OWN = ("same-origin", "none")  # Sec-Fetch-Site of the page itself and of the address bar
_PLAIN = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")


def own_names(host: str, more: Collection[str] = ()) -> frozenset:
    """The names that a server at this address goes by, in lower case; "*" is any.

    Addresses and localhost are always among them: they cannot be rebound.

    more: names besides that of the machine.
    """
    machine = socket.gethostname().lower()
    return frozenset(
        {name.lower().rstrip(".") for name in (host, *more)}
        | {machine, machine.partition(".")[0], f"{machine.partition('.')[0]}.local"}
    )


def refusal(method: str, headers: Mapping[str, str], names: Collection[str]) -> Optional[str]:
    """Why a request is refused, or None.

    headers: with names in lower case.
    names: see `own_names`.
    """
    host = headers.get("host", "")
    if not _is_own(host, names):
        return (
            f"This server does not go by the name {host[:100]!r}: `allowed_hosts` names those that "
            "it does"
        )
    origin = headers.get("origin", headers.get("referer"))
    if origin is not None and _place(origin) != _place(f"//{host}"):
        if not _opens_page(method, headers):
            return f"Requests of other web sites are not answered. Got one of {origin[:100]!r}"
    site = headers.get("sec-fetch-site", "none").lower()
    if site not in _OWN and not _opens_page(method, headers):
        return f"Requests of other web sites are not answered (Sec-Fetch-Site: {site[:20]})"
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method == "POST" and kind in _PLAIN and headers.get("user-agent", "").startswith("Mozilla/"):
        return "A browser sends Content-Type: application/json here"
    return None


def _is_own(host, names):
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost") or "*" in names or name in names:
        return bool(name)
    try:
        return bool(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        return False


def _place(url):
    """Host and port of a URL; None if it has none, as the origin "null".

    The ports of http and https count as none: a proxy may speak https in front of this server.
    """
    try:
        parts = urlsplit(url)
        return parts.hostname and (parts.hostname, None if parts.port in (80, 443) else parts.port)
    except ValueError:
        return None


def _opens_page(method, headers):
    """Whether somebody follows a link to the page."""
    return method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
