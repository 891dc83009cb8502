"""Refuses HTTP requests that come from other web sites.

A page of any site can make its visitor's browser send requests to this machine. For forms and text,
the browser does not ask this server first (CORS). The page can also point its own host name at this
machine's address (DNS rebinding), and then has the same origin. So a request is refused if

    its Host is not a name of this server,
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

_OWN = ("same-origin", "none")  # values of Sec-Fetch-Site for the page itself and the address bar
_PLAIN = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")


def own_names(host: str, more: Collection[str] = ()) -> frozenset:
    """The names of a server at this address, in lower case; "*" stands for any.

    Addresses and localhost need not be among them. They are always accepted, because they cannot be
    rebound.

    host: the address that the server listens on.
    more: names besides that of the machine.
    """
    machine = socket.gethostname().lower()
    return frozenset(
        {name.lower().rstrip(".") for name in (host, *more)}
        | {machine, machine.partition(".")[0], f"{machine.partition('.')[0]}.local"}
    )


def refusal(method: str, headers: Mapping[str, str], names: Collection[str]) -> Optional[str]:
    """Why a request is refused; None if it is not.

    headers: {name in lower case: value}.
    names: see `own_names`.
    """
    host = headers.get("host", "")
    if not _is_own(host, names):
        return f"{host[:100]!r} is not a name of this server: `allowed_hosts` lists further names"
    origin = headers.get("origin", headers.get("referer"))
    if origin is not None and _place(origin) != _place(f"//{host}"):
        if not _opens_page(method, headers):
            return f"Requests from other web sites are not answered. Got one from {origin[:100]!r}"
    site = headers.get("sec-fetch-site", "none").lower()
    if site not in _OWN and not _opens_page(method, headers):
        return f"Requests from other web sites are not answered (Sec-Fetch-Site: {site[:20]})"
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method == "POST" and kind in _PLAIN and headers.get("user-agent", "").startswith("Mozilla/"):
        return "A browser must send Content-Type: application/json"
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
    """Host and port of a URL; None if it has no host, as the origin "null".

    The default ports of http and https count as no port, because a proxy may speak https in front
    of this server.
    """
    try:
        parts = urlsplit(url)
        return parts.hostname and (parts.hostname, None if parts.port in (80, 443) else parts.port)
    except ValueError:
        return None


def _opens_page(method, headers):
    """Whether somebody follows a link to a page of this server."""
    return method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
