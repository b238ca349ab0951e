"""What tests need of the server that `hellosign emulator -- pytest` has started."""

import json
import os
import urllib.request

import pytest
from dropbox_sign import Configuration


class Emulator:
    """The server, and what a test can do to it."""

    def __init__(self):
        self.url = os.environ["HELLOSIGN_SERVER"]
        self._control = os.environ["HELLOSIGN_CONTROL_URL"]
        self._token = os.environ["HELLOSIGN_CONTROL_TOKEN"]

    def configuration(self, **credential):
        """Settings of the vendor's client for this server."""
        return Configuration(host=self.url + "/v3", ignore_operation_servers=True, **credential)

    def control(self, method, path, /, **body):
        """A request to the control API, whose paths are in docs/emulator.md."""
        request = urllib.request.Request(
            self._control + path,
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": "Bearer " + self._token},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@pytest.fixture
def emulator():
    """The server as its fixtures have it, whatever the test before has done."""
    emulator = Emulator()
    emulator.control("POST", "/reset")
    return emulator
