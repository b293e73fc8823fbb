"""Where alarms go: always the log; with a URL also a webhook, Slack, e-mail or any other service Apprise knows."""

import os
from typing import Any

import dagster as dg

from ml_assets.errors import MLAssetsError

ALERTS_VARIABLE = "ML_ASSETS_ALERTS"


class AlertError(MLAssetsError):
    """An alarm could not be delivered."""


class Alerts(dg.ConfigurableResource[Any]):
    """Sends one message to every URL given, or named in ``ML_ASSETS_ALERTS``; several are separated by blanks.

    URLs are Apprise's: ``slack://…``, ``mailto://…``, ``json://host/path`` for a plain webhook.
    """

    urls: str = ""

    def targets(self) -> list[str]:
        """The URLs in force."""
        return (self.urls or os.environ.get(ALERTS_VARIABLE, "")).split()

    def send(self, title: str, body: str) -> int:
        """Deliver a message; returns to how many services it went."""
        targets = self.targets()
        if not targets:
            return 0
        try:
            import apprise
        except ImportError as error:
            raise AlertError(
                "alarms cannot leave the log",
                got="no apprise installed",
                allowed="pip install 'ml-assets[alerts]'",
                do="Install it",
            ) from error
        sender = apprise.Apprise()
        refused = [t.split("://")[0] for t in targets if not sender.add(t)]
        if refused:
            raise AlertError(
                "an alarm URL is not understood",
                got=", ".join(refused),
                allowed="an Apprise URL",
                do=f"Correct {ALERTS_VARIABLE}",
            )
        if not sender.notify(title=title, body=body):
            raise AlertError(
                "an alarm was not delivered",
                got=title,
                allowed="a reachable service",
                do="Check the URLs and the network",
            )
        return len(targets)
