"""durable-rules at work: which rules match a fact, on the one path of its engine that holds.

The engine is used as a matcher and nothing more: each question is a session of its own with a constant name, opened by
a fact that a rule of ours matches, because the engine can only delete a session in which something happened. Hosts,
events, timers and its threads are never used. The questions of one matcher wait for each other.
"""

from __future__ import annotations

import importlib
import json
import weakref
from collections.abc import Mapping
from threading import Lock
from typing import Any

from crm_rules.backends.durable_ruleset import Rules
from crm_rules.errors import CallError, RefusedError

SESSION = "s"
OPEN = "open session"  # with a space, so that no table and no rule of an author has this name
OPENING = {"kind": OPEN, "sid": SESSION, "id": "1"}
# The engine keeps texts as they are written and compares them so: all are written alike.
dumped = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
INSTALL = '`pip install "crm-rules[durable]"` (it needs CPython before 3.13 and a C compiler)'


def load_engine() -> Any:
    """The C module of durable-rules; raises `CallError` with the way to install it."""
    try:
        return importlib.import_module("durable_rules_engine")
    except ImportError as error:  # also where it was built for an interpreter that cannot load it
        raise CallError(f"durable-rules is not installed: {INSTALL}") from error


class Matcher:
    """The rulesets of one program in the engine; freed when nothing refers to it any more."""

    def __init__(self, definitions: Mapping[str, Rules]) -> None:
        self.engine = load_engine()
        self.lock = Lock()
        self.handles: dict[str, int] = {}
        self.freed = weakref.finalize(self, free, self.engine, self.handles)
        self.freed.atexit = False  # the process ends, and its memory with it
        for name, rules in definitions.items():
            written = {rule: {key: item for key, item in body.items() if key != "run"} for rule, body in rules.items()}
            written[OPEN] = {"all": [{"m": {"kind": OPEN}}]}
            try:
                self.handles[name] = self.engine.create_ruleset(name, dumped(written))
            except self.engine.error as error:
                raise RefusedError(f"durable-rules does not accept the ruleset `{name}`: {error}") from error

    def fired(self, ruleset: str, fact: Mapping[str, Any]) -> frozenset[str]:
        """The names of the rules that match a fact."""
        engine = self.engine
        found: set[str] = set()
        text = dumped({**fact, "sid": SESSION, "id": "2"})
        with self.lock:
            handle = self.handles.get(ruleset)
            if handle is None:
                raise CallError(f"the engine of `{ruleset}` is closed")
            seen, session = engine.assert_fact(handle, dumped(OPENING))
            if seen:  # what an interrupted question left behind would be answered with this one
                raise CallError(f"the engine of `{ruleset}` was interrupted in an answer; compile the policy again")
            engine.start_action_for_state(handle, session)
            try:
                engine.assert_fact(handle, text)
                while message := engine.complete_and_start_action(handle, session):
                    found.update(json.loads(message))
            finally:
                engine.abandon_action(handle, session)
                engine.delete_state(handle, SESSION)
        return frozenset(found)

    def close(self) -> None:
        """Free the rulesets now; a question after it raises `CallError`."""
        with self.lock:
            self.freed()


def free(engine: Any, handles: dict[str, int]) -> None:
    """Delete rulesets; none of them has a session left."""
    while handles:
        engine.delete_ruleset(handles.popitem()[1])
