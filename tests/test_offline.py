import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import offline
import pytest


def test_a_test_that_asks_for_an_address_outside_is_refused():
    with socket.socket() as sock, pytest.raises(offline.NetworkRefused, match=r"192\.0\.2\.1"):
        sock.connect(("192.0.2.1", 80))
    with pytest.raises(urllib.error.URLError, match=r"example\.org"):
        urllib.request.urlopen("http://example.org")


def test_talking_to_this_machine_is_allowed():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_a_process_that_a_test_starts_is_refused_too():
    program = "import socket; socket.create_connection(('example.org', 80))"
    environment = {**os.environ, "PYTHONPATH": str(Path(offline.__file__).parent)}
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert "NetworkRefused" in result.stderr
