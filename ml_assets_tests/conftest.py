"""Settings of every test: property tests without deadlines (machines are shared), and repeatable where CI runs them."""

import os

from hypothesis import settings

settings.register_profile("shared", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shared")
