"""Decides which servers are reached directly, whatever proxy the environment names.

A proxy (`http_proxy`, `https_proxy`, `all_proxy`, `grpc_proxy`) connects a network to the internet.
It is never used for an address of this machine or of a private network, because it could not reach
the address, and would see the photograph. Such addresses are loopback, unspecified and link-local
ones, 10/8, 172.16/12, 192.168/16, 100.64/10 and fc00::/7, `localhost`, names that end in .local,
and names that resolve only to such addresses. For all others the environment decides, `no_proxy`
included.

The module needs the package requests. It loads no TensorFlow.
"""

import ipaddress
import os
import re
import socket
import threading
from typing import Optional
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError

_PRIVATE = [
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
_LONGEST = 3.0  # seconds to wait for the addresses of a name

# In gRPC's own order. Its core reads only these names, in lower case.
_GRPC_VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")


def is_local(host: str) -> bool:
    """Whether a host, a name or an address, is on this machine or in a private network.

    A name is resolved. If it does not resolve within 3 seconds, it counts as not local. Names that
    end in .local are local without that (RFC 6762).
    """
    host = host.strip("[]").replace("%25", "%").split("%")[0].rstrip(".").lower()
    if host == "localhost" or host.endswith((".localhost", ".local")):
        return True
    try:
        return _is_local_address(host)
    except ValueError:  # a name
        addresses = _addresses(host)
        return bool(addresses) and all(map(_is_local_address, addresses))


def _is_local_address(text):
    address = ipaddress.ip_address(text.split("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or any(address in network for network in _PRIVATE)
    )


def _addresses(host):
    found = []

    def look_up():
        try:
            found.extend({entry[4][0] for entry in socket.getaddrinfo(host, None)})
        except (OSError, UnicodeError):
            pass

    # With a dead name server this takes longer than a person waits. The thread ends by itself.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(_LONGEST)
    return list(found)


class Session(requests.Session):
    """A session of requests that connects to local addresses directly, redirects included."""

    def send(self, request, **settings):
        try:
            return super().send(request, **settings)
        except LocationParseError as error:  # of urllib3, for a host such as a..b
            raise requests.exceptions.InvalidURL(str(error), request=request) from None

    def merge_environment_settings(self, url, proxies, stream, verify, cert):
        settings = super().merge_environment_settings(url, proxies, stream, verify, cert)
        if select_proxy(url, settings["proxies"]) and is_local(urlsplit(url).hostname or ""):
            settings["proxies"] = {}
        return settings

    def rebuild_proxies(self, prepared_request, proxies):
        url = prepared_request.url
        if is_local(urlsplit(url).hostname or ""):
            prepared_request.headers.pop("Proxy-Authorization", None)
            return {}
        return super().rebuild_proxies(prepared_request, proxies)


def of_rest(url: str) -> Optional[str]:
    """The proxy that `Session` uses for a URL, without user and password; None if there is none."""
    proxy = select_proxy(url, get_environ_proxies(url))
    return _shown(proxy) if proxy and not is_local(urlsplit(url).hostname or "") else None


def of_grpc(address: str) -> Optional[str]:
    """The proxy that gRPC uses for HOST:PORT, without user and password; None if there is none.

    It is also None if `no_grpc_proxy` or `no_proxy` may exclude the host.
    """
    proxy = next(filter(None, map(os.environ.get, _GRPC_VARIABLES)), None)
    host = urlsplit(f"//{address}").hostname or ""
    excepted = os.environ.get("no_grpc_proxy") or os.environ.get("no_proxy") or ""
    ends = [end.strip().lower() for end in excepted.split(",")]
    if not proxy or any(end == "*" or (end and host.endswith(end)) for end in ends):
        return None
    return None if is_local(host) else _shown(proxy)


def _shown(proxy):
    """A proxy's URL without user and password. It may have no scheme."""
    return re.sub(r"^(\w+://)?.*@", r"\1", proxy)
