"""Which servers are asked directly, whatever proxy the environment names.

A proxy (`http_proxy`, `https_proxy`, `all_proxy`, `grpc_proxy`) stands between a network and the
world. An address of this machine or of a private network is never asked through one: the proxy
could not reach it, and would be shown the photograph. Such addresses are loopback, unspecified
and link-local ones, 10/8, 172.16/12, 192.168/16, 100.64/10 and fc00::/7, `localhost`, names that
end in .local, and names that resolve to such addresses alone. For all others the environment
decides, `no_proxy` included.

REST needs requests. No TensorFlow is loaded.
"""

import ipaddress
import os
import socket
import threading
from typing import Optional
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy

_PRIVATE = [
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
_LONGEST = 3.0  # seconds to wait for a name's addresses

# gRPC's own order (its core knows these in lower case alone)
_GRPC_VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")


def is_local(host: str) -> bool:
    """Whether a host is on this machine or in a private network. host: a name or an address.

    A name is resolved. One that does not resolve, or not within a few seconds, is not local, unless
    it ends in .local: such names are those of one network (RFC 6762).
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

    # A dead name server takes longer than a person waits. The thread ends by itself.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(_LONGEST)
    return list(found)


class Session(requests.Session):
    """A session of requests that asks local addresses directly, redirects included."""

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
    """The proxy that `Session` takes for a URL, without its password, or None."""
    proxy = select_proxy(url, get_environ_proxies(url))
    return _shown(proxy) if proxy and not is_local(urlsplit(url).hostname or "") else None


def of_grpc(address: str) -> Optional[str]:
    """The proxy that gRPC would take for HOST:PORT, without its password, or None.

    None too where `no_grpc_proxy` or `no_proxy` may except the host: gRPC reads them itself.
    """
    proxy = next(filter(None, map(os.environ.get, _GRPC_VARIABLES)), None)
    host = urlsplit(f"//{address}").hostname or ""
    excepted = os.environ.get("no_grpc_proxy") or os.environ.get("no_proxy") or ""
    ends = [end.strip().lower() for end in excepted.split(",")]
    if not proxy or any(end == "*" or (end and host.endswith(end)) for end in ends):
        return None
    return None if is_local(host) else _shown(proxy)


def _shown(proxy):
    """A proxy's URL without user and password."""
    return proxy if "@" not in proxy else proxy.split("://")[0] + "://" + proxy.rpartition("@")[2]
