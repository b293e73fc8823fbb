"""Alarms: to a real webhook on this machine, and to nowhere."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ml_assets.resources.alerts import ALERTS_VARIABLE, AlertError, Alerts


class Hook(HTTPServer):
    """A webhook that keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.answer = 200
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/hook"


class Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALERTS_VARIABLE, raising=False)


def test_without_a_url_nothing_is_sent_and_nothing_imported() -> None:
    before = "apprise" in sys.modules
    assert Alerts().send("drift", "churn drifted") == 0
    assert ("apprise" in sys.modules) == before


def test_a_webhook_gets_title_and_body(hook: Hook) -> None:
    assert Alerts(urls=hook.url).send("drift in churn", "score moved by 0.2") == 1
    (message,) = hook.messages
    assert (message["title"], message["message"]) == ("drift in churn", "score moved by 0.2")


def test_several_urls_from_the_variable(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALERTS_VARIABLE, f"{hook.url} {hook.url}?two=2")
    assert Alerts().send("t", "b") == 2
    assert len(hook.messages) == 2


def test_a_refused_alarm_is_an_error(hook: Hook) -> None:
    hook.answer = 500
    with pytest.raises(AlertError) as caught:
        Alerts(urls=hook.url).send("drift", "b")
    assert str(caught.value) == (
        "an alarm was not delivered: got drift; allowed: a reachable service. Check the URLs and the network."
    )


def test_a_service_that_is_down_is_an_error() -> None:
    with pytest.raises(AlertError, match="an alarm was not delivered"):
        Alerts(urls="json://127.0.0.1:9/hook").send("drift", "b")


def test_an_unknown_url_is_named_without_its_secret() -> None:
    with pytest.raises(AlertError) as caught:
        Alerts(urls="carrierpigeon://token:secret@roof").send("t", "b")
    assert "got carrierpigeon; allowed: an Apprise URL" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_without_apprise_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(AlertError, match=r"pip install 'ml-assets\[alerts\]'"):
        Alerts(urls="json://localhost").send("t", "b")
