"""The conformance kit for engines: `check_backend(compile)` holds one to the reference evaluator.

A back end is a function `compile(program)` that answers a function `decide(record, today)`. What that one answers has
`status`, `outputs` (by name) and, where the engine offers them, `rules`. An engine may refuse programs that it cannot
express, by an exception of its own when it compiles; what it does compile it has to decide as everyone else does.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import date
from typing import Any, TypeAlias

from hypothesis import strategies as st

from crm_rules.backends.to_json import to_json
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.normalize import normalize
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Program
from crm_rules.ir.record import read_record
from crm_rules.policy import Policy
from crm_rules.testing.examples import about, demand, for_examples
from crm_rules.testing.facts import Draw, program_cases
from crm_rules.testing.functions import FUNCTIONS
from crm_rules.testing.pack_kit import pairs
from crm_rules.testing.promises import plain, same, strange_decimals
from crm_rules.testing.small_programs import programs as small_programs

Record: TypeAlias = dict[str, Any]
Compile: TypeAlias = Callable[[Program], Callable[[Record, date | None], Any]]
EXAMPLES = 200
RECORDS = 4  # for each drawn program


def check_backend(
    compile: Compile,  # noqa: A002 - the verb of the language
    *,
    refuses: type[Exception] | tuple[type[Exception], ...] = (),
    policies: Iterable[Policy] = (),
    programs: st.SearchStrategy[Program] | None = None,
    rules: bool = True,
    picklable: bool = False,
    examples: int = EXAMPLES,
) -> None:
    """Raise AssertionError, naming program, record and day, unless the engine answers what the reference answers.

    It is tried on drawn programs, as they are and normalised, with records close to their borders, missing and bad
    facts included (the answer to a bad one is `invalid`), then on the programs of `policies` with `records`. `refuses`
    are the exceptions by which it declines a program, `rules=False` says that it does not name rules, `picklable=True`
    that what it compiled travels. `programs` are other programs to draw than those of `crm_rules.testing.programs`.
    Also checked: two compilations and two calls answer the same, in any decimal context; record and program stay as
    they were; numbers are int or Decimal. Cost: about ten seconds for a fast engine.
    """
    trial = Trial(compile, refuses if isinstance(refuses, tuple) else (refuses,), rules=rules, picklable=picklable)
    drawn = small_programs() if programs is None else programs
    for_examples(questions(drawn), lambda asked: trial.ask(*asked), examples)
    demand(trial.compiled, "the engine refuses every program, so nothing is known of it")
    for policy in policies:
        whole = policy.whole
        for_pairs = pairs(policy, None)
        if for_pairs is not None:
            for_examples(for_pairs, lambda pair, whole=whole: trial.ask(whole, (pair,)), examples // 4)  # type: ignore[misc]


@st.composite
def questions(
    draw: Draw, programs: st.SearchStrategy[Program]
) -> tuple[Program, tuple[tuple[Record, date | None], ...]]:
    """A program and some records of it with their days."""
    program = draw(programs)
    if draw(st.booleans()):
        program = normalize(program)
    return program, tuple(draw(st.lists(program_cases(program), min_size=1, max_size=RECORDS)))


class Trial:
    """One engine on trial; `compiled` counts the programs that it did not refuse."""

    def __init__(self, compile: Compile, refuses: tuple[type[Exception], ...], *, rules: bool, picklable: bool) -> None:  # noqa: A002
        self.compile = compile
        self.refuses = refuses
        self.rules = rules
        self.picklable = picklable
        self.compiled = 0

    def ask(self, program: Program, asked: tuple[tuple[Record, date | None], ...]) -> None:
        """Compile one program and compare every answer with that of the reference."""
        text = to_json(program)
        try:
            decide = self.compile(program)
        except self.refuses:
            return
        except Exception as error:
            message = f"compiling raises {type(error).__name__}, which `refuses` does not name: {error}"
            raise AssertionError(f"{message}\n  program = {text}") from error
        self.compiled += 1
        with about("a second time"):
            again = self.compile(program)
        demand(to_json(program) == text, f"compiling changes the program\n  program = {text}")
        ways: dict[str, Callable[[Record, date | None], Any]] = {
            "the first answer": decide,
            "the second answer": decide,
            "the answer of a second compilation": again,
        }
        if self.picklable:
            with about(f"what was compiled of {program.id} is pickled"):
                ways["the answer after pickling"] = pickle.loads(pickle.dumps(decide))  # noqa: S301 - ours
        for record, today in asked:
            wanted = expected(program, record, today)
            for way, answer in ways.items():
                with about(f"{way}, for the program\n  {text}\n", record, today):
                    self.compare(answer, wanted, record, today)
            with about(f"in another decimal context, for the program\n  {text}\n", record, today), strange_decimals():
                self.compare(decide, wanted, record, today)

    def compare(
        self,
        decide: Callable[[Record, date | None], Any],
        wanted: tuple[str, Mapping[str, Any], tuple[str, ...] | None],
        record: Record,
        today: date | None,
    ) -> None:
        """One answer is the expected one, and the record is as it was."""
        status, outputs, rules = wanted
        before = deepcopy(record)
        answer = decide(record, today)
        demand(same(record, before), "the record was changed")
        demand(answer.status == status, f"the status is `{answer.status}`, expected `{status}`")
        found = {name: plain(value) for name, value in answer.outputs.items()}
        right = {name: plain(value) for name, value in outputs.items()}
        demand(found == right, f"the outputs are {dict(answer.outputs)}, expected {dict(outputs)}")
        if self.rules and rules is not None:
            demand(tuple(answer.rules) == rules, f"the rules are {answer.rules}, expected {rules}")


def expected(
    program: Program, record: Record, today: date | None
) -> tuple[str, Mapping[str, Any], tuple[str, ...] | None]:
    """The answer of the reference evaluator; a record with problems is `invalid` and has no rules."""
    reading = read_record(program, record)
    if reading.problems:
        return "invalid", {}, ()
    found = evaluate(program, reading.values, today, FUNCTIONS)
    return found.status, {name: to_fact(value) for name, value in found.outputs.items()}, found.rules
