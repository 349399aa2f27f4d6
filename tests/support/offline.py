"""No test reaches the network: once this is imported, sockets talk to this machine only.

course.py puts this folder on PYTHONPATH, so that every Python that a test starts, notebook kernels included, imports it
(sitecustomize.py); tests/conftest.py imports it for tests that are started by hand.
"""

import errno
import ipaddress
import socket

LOCAL_NAMES = {"", "localhost", socket.gethostname(), None}
connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo


class NetworkRefused(OSError):
    """What a machine without a network raises, and who asked for one."""

    def __init__(self, host):
        super().__init__(errno.ENETUNREACH, f"tests run offline, and something asked for {host!r}")


def refuse_unless_local(host):
    host = host.decode() if isinstance(host, bytes) else host
    if host in LOCAL_NAMES:
        return
    try:
        local = ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        local = False
    if not local:
        raise NetworkRefused(host)


def is_internet(sock):
    return sock.family in (socket.AF_INET, socket.AF_INET6)


def guarded_connect(self, address):
    if is_internet(self):
        refuse_unless_local(address[0])
    return connect(self, address)


def guarded_connect_ex(self, address):
    if is_internet(self):
        refuse_unless_local(address[0])
    return connect_ex(self, address)


def guarded_getaddrinfo(host, *arguments, **keywords):
    refuse_unless_local(host)
    return getaddrinfo(host, *arguments, **keywords)


socket.socket.connect = guarded_connect
socket.socket.connect_ex = guarded_connect_ex
socket.getaddrinfo = guarded_getaddrinfo
