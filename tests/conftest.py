"""Settings of all tests: how hard hypothesis tries, and what coverage watches.

The environment variable `HYPOTHESIS_PROFILE` chooses: `dev` (new examples on every run), `ci` (the same examples on
every run and machine, so that a change is judged alike everywhere) or `nightly` (many new examples).

Coverage doubles the time of what it watches. Tests that draw much and reach no line that others do not reach are
marked `no_cover`.
"""

from __future__ import annotations

import os
from importlib import import_module
from pkgutil import walk_packages

from hypothesis import HealthCheck, settings

import crm_rules

# No profile has a deadline: on a busy machine a single slow example says nothing about the code.
settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=30,  # of every property; `nightly` tries a hundred times as many
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],  # a measure of the machine as well
)
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=5_000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# A module that is first imported by a test that coverage does not watch would count as never run.
for module in walk_packages(crm_rules.__path__, "crm_rules."):
    if module.name != "crm_rules.__main__":
        import_module(module.name)
