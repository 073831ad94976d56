"""Which changes of a policy its cases notice: each mutant is decided for every case that asks the policy.

A change is noticed when a case does not pass any more, also one of a policy that requires the changed
one. What nothing notices is held against the cases only when a record shows the difference. Where none
can (a value that does not occur, an earlier rule that takes it) it is no change at all; where neither
is known it is `undecided`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain, islice

from crm_rules.cases.boxes import Box, Boxes
from crm_rules.cases.coverage import Point, PolicyCoverage
from crm_rules.cases.mutants import Mutant, mutants
from crm_rules.cases.reading import Case
from crm_rules.cases.running import SuiteResult, compare, decide, with_required
from crm_rules.cases.searching import find
from crm_rules.cases.suggesting import decisions_of, facts
from crm_rules.cases.trials import Place, Trial, Trials
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Diagnostic, Witness
from crm_rules.ir.evaluate import Evaluation, evaluate
from crm_rules.ir.nodes import Value
from crm_rules.ir.program import Program, Table
from crm_rules.policy import Policy, Requirement
from crm_rules.questions.sets import ValueSet, samples
from crm_rules.source import Span

MOST_EVALUATIONS = 300_000  # of one policy: some minutes at most
FEW_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Noticed:
    """What became of the changes of one policy.

    `unnoticed` are findings with a record that shows the difference, `undecided` notes; `alike` counts the
    changes that make no difference to any record, `untried` those that were left when it took too long.
    """

    name: str
    noticed: int
    unnoticed: tuple[Diagnostic, ...]
    undecided: tuple[Diagnostic, ...]
    alike: int
    untried: int

    @property
    def total(self) -> int:
        """The changes that a case could notice."""
        return self.noticed + len(self.unnoticed)


@dataclass(frozen=True, slots=True)
class Asked:
    """A case, and what it made of the policy that is to be changed."""

    case: Case
    rules: frozenset[str]
    values: Mapping[str, Value | None]
    today: date | None
    evaluation: Evaluation


def notice(one: PolicyCoverage, results: Sequence[SuiteResult], step: Callable[[], None]) -> Noticed:
    """Try every change of one policy; `step` is called after each."""
    policy = one.policy
    asked = list(asked_of(policy, results))
    noticed, alike, untried, spent = 0, 0, 0, 0
    left: list[Mutant] = []
    for mutant in mutants(policy.program):
        if spent > MOST_EVALUATIONS:
            untried += 1
            continue
        spent += len(asked)
        if sees_any(asked, policy, mutant):
            noticed += 1
        else:
            left.append(mutant)
        step()
    judge = Judge(one, results)
    unnoticed: list[Diagnostic] = []
    undecided: list[Diagnostic] = []
    for mutant in left:
        span = mutant.span or policy.program.span or Span(policy.about.path, 1, 1, 2)
        if judge.is_alike(mutant):
            alike += 1
        elif (witness := judge.witness(mutant)) is not None:
            words = f"{mutant.change}, and no case would notice"
            remedy = "add a case for the record below; `--suggest` writes cases for all borders"
            unnoticed.append(Diagnostic("unnoticed-change", "warning", span, words, help=remedy, witness=witness))
        else:
            words = f"{mutant.change}, and no case would notice; no record was found that shows a difference"
            undecided.append(Diagnostic("undecided-change", "note", span, words))
        step()
    return Noticed(one.name, noticed, tuple(unnoticed), tuple(undecided), alike, untried)


# Cases and mutants


def asked_of(policy: Policy, results: Sequence[SuiteResult]) -> Iterator[Asked]:
    """The passing cases that ask the policy, directly or through one that requires it."""
    for one in (one for result in results for one in result.results if one.passed):
        for decision in with_required(one.decision):
            evaluation = decision.evaluation() if is_same(decision.policy, policy) else None
            if evaluation is not None:
                rules = frozenset(evaluation.rules)
                yield Asked(one.case, rules, decision.reading().values, decision.today, evaluation)
                break


def is_same(one: Policy, other: Policy) -> bool:
    """True for one policy, also where it was loaded for several packs."""
    return one is other or (
        (one.id, one.version, one.about.path) == (other.id, other.version, other.about.path)
        and (one.program is other.program or one.program == other.program)
    )


def sees_any(asked: Sequence[Asked], policy: Policy, mutant: Mutant) -> bool:
    """True when a case does not pass on the changed policy; those that reach the changed rules are tried first."""
    table = policy.program.step(mutant.table) if mutant.table else None
    names: set[str] = set()
    if isinstance(table, Table):
        names = {policy.program.rule_id(table, table.rows[index]) for index in mutant.rows}
    return any(sees(one, policy, mutant) for one in sorted(asked, key=lambda one: names.isdisjoint(one.rules)))


def sees(one: Asked, policy: Policy, mutant: Mutant) -> bool:
    """True when the case does not pass on the changed policy."""
    changed = evaluate(mutant.program, one.values, one.today, policy.calls)
    if not differ(changed, one.evaluation):
        return False
    case = replace(one.case, policy=with_program(one.case.policy, policy, mutant.program))
    return next(compare(case, decide(case)), None) is not None


def differ(one: Evaluation, other: Evaluation) -> bool:
    """True when a case can tell two evaluations apart."""
    return (one.status, one.outputs, one.rules) != (other.status, other.outputs, other.rules)


def with_program(policy: Policy, old: Policy, program: Program) -> Policy:
    """A policy in whose chain another program stands in the place of `old`."""
    if is_same(policy, old):
        return Policy(program, policy.required, policy.about, policy.functions)
    required = tuple(
        Requirement(item.alias, with_program(item.policy, old, program), item.output) for item in policy.required
    )
    return Policy(policy.program, required, policy.about, policy.functions)


# What no case noticed


class Judge:
    """Says of a change that no case noticed whether a record can show it."""

    def __init__(self, one: PolicyCoverage, results: Sequence[SuiteResult]) -> None:
        self.one = one
        self.policy = one.policy
        self.boxes = Boxes(one.policy.program)
        self.trials: Trials | None = None
        self.results = results

    def searched(self) -> Trials:
        """The records of the cases and those at borders that no case reaches; made when first needed."""
        if self.trials is None:
            self.trials = Trials(self.policy, decisions_of(self.policy, self.results))
            if not self.trials.program.blank_parameters:
                for point in self.one.missing:
                    find(self.trials, point)
        return self.trials

    def tables(self, mutant: Mutant) -> tuple[Table, Table] | None:
        """The changed table before and after."""
        if not mutant.table:
            return None
        before, after = self.policy.program.step(mutant.table), mutant.program.step(mutant.table)
        return (before, after) if isinstance(before, Table) and isinstance(after, Table) else None

    def is_alike(self, mutant: Mutant) -> bool:
        """True when it is proven that no record shows a difference."""
        pair = self.tables(mutant)
        if pair is None or not self.boxes.periods:
            return False
        before, after = pair
        if mutant.swapped:
            second = before.rows[mutant.rows[1]]
            first = before.rows[mutant.rows[0]]
            both = self.boxes.hidden(before, second, lambda box, at: shared(box, self.boxes.box(before, first, at)))
            return both == "" or (both is not None and both != self.policy.program.rule_id(before, first))
        if mutant.column is None:
            return all(
                self.boxes.hidden(before, before.rows[index], lambda box, _: box) is not None for index in mutant.rows
            )
        index = mutant.column
        return all(
            self.boxes.hidden(
                before,
                before.rows[place],
                lambda box, period, place=place: (  # type: ignore[misc]
                    *box[:index],
                    self.between(before, after, place, index, period),
                    *box[index + 1 :],
                ),
            )
            is not None
            for place in mutant.rows
        )

    def between(self, before: Table, after: Table, place: int, index: int, period: int) -> ValueSet:
        """The values of a column that a cell takes before its change or after, not both."""
        old = self.boxes.box(before, before.rows[place], period)[index]
        new = self.boxes.box(after, after.rows[place], period)[index]
        return self.boxes.domain(before.columns[index]).grid((old - new) | (new - old))

    def witness(self, mutant: Mutant) -> Witness | None:
        """A record that the policy and the changed one decide differently."""
        trials = self.searched()
        if trials.program.blank_parameters:
            return None
        changed = with_program(self.policy, self.policy, mutant.program).whole

        def shows(trial: Trial | None) -> bool:
            return trial is not None and differ(
                evaluate(changed, trial.values, trial.today, self.policy.calls), trial.evaluation
            )

        aimed = (find(trials, point, also) for point, also in self.points(mutant))
        known = (trial for trial in reversed(list(trials)))
        found = next((trial for trial in chain(aimed, known) if shows(trial)), None)
        return None if found is None else Witness(dict(facts(found.values, trials.fields)), found.today)

    def points(self, mutant: Mutant) -> Iterator[tuple[Point, tuple[Place, ...]]]:
        """Where the difference would have to show: in the changed cells, in both rules, in what the rule leads to."""
        pair = self.tables(mutant)
        if pair is None:
            yield from (
                (point, ()) for point in self.one.borders if any(self.leads(step, point) for step in mutant.steps)
            )
            return
        before, after = pair
        for place in mutant.rows:
            row = before.rows[place]
            point = Point("rule", "", before, row, frozenset())
            if mutant.swapped:
                yield point, ((before, before.rows[mutant.rows[0]]),)
            elif mutant.column is None:
                yield point, ()
                yield from ((later, ((before, row),)) for later in self.one.borders if self.leads(before.id, later))
            else:
                domain = self.boxes.domain(before.columns[mutant.column])
                for period in range(len(self.boxes.periods)):
                    values = samples(self.between(before, after, place, mutant.column, period), domain)
                    for value in islice(values, FEW_SAMPLES):
                        yield replace(point, side="at", index=mutant.column, value=value), ()

    def leads(self, step: str, point: Point) -> bool:
        """True when the value tested at a point depends on a step."""
        return point.column is not None and step in self.searched().steps_below(point.column.subject)


def shared(one: Box, other: Box) -> Box:
    """What lies in both boxes."""
    return tuple(mine & theirs for mine, theirs in zip(one, other, strict=True))
