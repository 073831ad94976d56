"""Laws as an author writes them, each with one form, and the laws of the IR they become.

    - {monotone: grade, in: contract_amount, direction: better}
    - {never: {grade: A}, when: {paid_in_time: false}}

A law is read when the kind has added its outputs, so every name and cell is checked here at the word
that was written. Whether a law holds is not asked here: see `crm_rules.proofs`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from crm_rules.diagnostics import closest, did_you_mean
from crm_rules.ir.law_typing import directions, has_order
from crm_rules.ir.laws import (
    Always,
    Bounded,
    Direction,
    Implies,
    InputCondition,
    Law,
    Monotone,
    Never,
    OutputCondition,
    Steps,
)
from crm_rules.ir.nodes import Constant, Expr, Nothing, Test
from crm_rules.ir.program import Output
from crm_rules.ir.types import Choice, ListOfValues, Type, show_type
from crm_rules.ir.types import Text as TextType
from crm_rules.kinds.cells import lower_cell, lower_value
from crm_rules.kinds.documents import PolicyDocument
from crm_rules.kinds.draft import Draft
from crm_rules.kinds.reading import place, shape
from crm_rules.reader.yaml_text import Mapping, Sequence
from crm_rules.source import Text

# Each word that begins a law, with the keys that must stand beside it and those that may.
FORMS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "monotone": (("in", "direction"), ()),
    "never": ((), ("when",)),
    "always": ((), ("when",)),
    "bounded": ((), ("min", "max")),
    "implies": (("then",), ()),
    "steps": (("of", "in"), ()),
}
DIRECTIONS: Final[dict[str, Direction]] = {
    "better": "better",
    "worse": "worse",
    "rising": "rising",
    "falling": "falling",
}
ORDERED: Final = "give it an order: `ordered: best-first`"
COUNT = re.compile(r"[0-9]{1,3}")


def lower_laws(document: PolicyDocument, draft: Draft) -> None:
    """Add the laws of a document to a draft whose kind has added its steps and outputs."""
    for tree in document.laws:
        if not isinstance(tree, Mapping):
            message = f"expected a mapping of keys, found {shape(tree)}"
            draft.findings.error("wrong-shape", place(tree, document.policy), message)
            continue
        word = next((key for key in tree if key in FORMS), None)
        if word is not None:
            law = WrittenLaw(word, tree, document, draft).lower()
            draft.laws += [] if law is None else [law]
            continue
        first = next(iter(tree), None)
        message = "the law is empty" if first is None else f"unknown law `{first}`"
        remedy = did_you_mean(str(first), FORMS) or f"a law begins with {', '.join(FORMS)}"
        draft.findings.error("unknown-law", tree.span if first is None else first.span, message, remedy)


class WrittenLaw:
    """One law on its way into a program; what is wrong with it is reported, and the rest of it still looked at."""

    def __init__(self, word: Text, tree: Mapping, document: PolicyDocument, draft: Draft) -> None:
        self.word = word
        self.keys = {str(key): value for key, value in tree.items()}
        self.tree = tree
        self.text = shown(tree)[1:-1]
        self.draft = draft
        self.error = draft.findings.error
        self.outputs = draft.declared | {output.name: output for output in draft.outputs}
        # Where the policy's outputs are faulty or its kind has given up, an unknown name is no news.
        self.faulty = {str(name) for name in document.output} - self.outputs.keys()
        self.complete = bool(draft.outputs)

    def lower(self) -> Law | None:
        """The law, or None where a part of it is absent or wrong."""
        self.check_keys()
        return self.read()

    def check_keys(self) -> None:
        """Report keys that the law does not have, and those that it lacks and that nobody has mistyped."""
        needed, allowed = FORMS[str(self.word)]
        known = (*needed, *allowed)
        meant: set[str | None] = set()
        for key in self.tree:
            if key is not self.word and key not in known:
                meant.add(closest(key, known))
                remedy = did_you_mean(key, known) or f"known here: {', '.join(known)}"
                self.error("unknown-key", key.span, f"unknown key `{key}`", remedy)
        for name in needed:
            if name not in self.keys and name not in meant:
                self.error("missing-key", self.word.span, f"the key `{name}` is missing")

    def read(self) -> Law | None:
        """The law of the word; None where a part of it is absent or wrong."""
        match str(self.word):
            case "monotone":
                return self.monotone()
            case "steps":
                return self.steps()
            case "bounded":
                return self.bounded()
            case "implies":
                outcome, then = self.outcome(str(self.word)), self.outcome("then")
                return None if outcome is None or then is None else Implies(outcome, then, self.text, self.word.span)
            case _:
                outcome, when = self.outcome(str(self.word)), self.when()
                form = Never if self.word == "never" else Always
                return None if outcome is None or when is None else form(outcome, when, self.text, self.word.span)

    def monotone(self) -> Law | None:
        """A law about which way an output goes with a field."""
        output, field = self.output(str(self.word)), self.field()
        direction = self.direction(output)
        if output is None or field is None or direction is None:
            return None
        return Monotone(output.name, field, direction, self.text, self.word.span)

    def steps(self) -> Law | None:
        """A law about how far an output jumps at a border of a field."""
        most, output, field = self.count(), self.output("of"), self.field()
        if output is not None and not output.best_first:
            message = f"places are those of a choice with an order, and `{output.name}` is {show_type(output.type)}"
            self.no_order("of", message, ORDERED if isinstance(output.type, Choice) else "")
        if most is None or output is None or field is None:
            return None
        return Steps(most, output.name, field, self.text, self.word.span)

    def bounded(self) -> Law | None:
        """A law about the values of one output with an order."""
        output = self.output(str(self.word))
        if "min" not in self.keys and "max" not in self.keys:
            self.error("missing-key", self.word.span, "the law has neither `min` nor `max`", "add at least one of them")
        if output is None:
            return None
        if not has_order(output.type):
            message = f"bounds are for numbers and dates, and `{output.name}` is {show_type(output.type)}"
            remedy = f'list the values: `always: {{{output.name}: "…, …"}}`' if isinstance(output.type, Choice) else ""
            self.no_order(str(self.word), message, remedy)
            return None
        low, high = self.bound("min", output.type), self.bound("max", output.type)
        if isinstance(low, Constant) and isinstance(high, Constant) and low.value > high.value:  # type: ignore[operator]
            message = f"`min` of `{output.name}` is above its `max`"
            self.error("bad-range", place(self.keys["max"], self.tree), message, "swap or correct them")
        return Bounded(output.name, low, high, self.text, self.word.span)

    def bound(self, key: str, kind: Type) -> Expr | None:
        """The value or parameter of `min` or `max`, where there is one."""
        word = self.single(key)
        expr = None if word is None else lower_value(word, kind, self.draft.findings)
        if word is not None and isinstance(expr, Nothing):
            self.error("wrong-literal", word.span, f"expected {show_type(kind)}, found `{word}`")
        return expr

    # Words

    def single(self, key: str) -> Text | None:
        """The one word of a key; None where the key is absent or after reporting another shape."""
        value = self.keys.get(key)
        if value is None or (isinstance(value, Text) and value):
            return value
        if isinstance(value, Text):
            self.error("empty-value", value.span, "expected a value, found nothing", "write a value, or remove the key")
        else:
            self.error("wrong-shape", place(value, self.tree), f"expected one value, found {shape(value)}")
        return None

    def output(self, key: str) -> Output | None:
        """The output that a key names."""
        word = self.single(key)
        return None if word is None else self.known(word)

    def known(self, word: Text) -> Output | None:
        """The output of a name, which has a single value; None after reporting that it has not."""
        found = self.outputs.get(str(word))
        if found is None and self.complete and word not in self.faulty:
            remedy = did_you_mean(word, self.outputs) or f"the outputs are {', '.join(self.outputs)}"
            if self.is_input(word):
                remedy = "it is no output: what a record holds stands under `when`"
            self.error("unknown-output", word.span, f"there is no output `{word}`", remedy)
        if found is not None and isinstance(found.type, ListOfValues):
            message = f"a law speaks of single values, and `{word}` is {show_type(found.type)}"
            self.error("type-mismatch", word.span, message)
            return None
        return found

    def is_input(self, word: Text) -> bool:
        """True for what a rule can test."""
        scope = self.draft.findings.scope
        return word == "today" or word in scope.fields or (str(word), str(word)) in scope.steps

    def field(self) -> str | None:
        """The field of the record that two records differ in; it has an order."""
        word = self.single("in")
        if word is None or word in self.draft.findings.faulty:
            return None
        scope = self.draft.findings.scope
        aliases = {alias for alias, _, _ in self.draft.required}
        other = ""
        if word in self.outputs:
            other = "an output"
        elif word in aliases:
            other = "decided by another policy"
        elif word == "today":
            other = "the same day for both"
        elif (str(word), str(word)) in scope.steps:
            other = "derived"
        if other:
            message = f"a law compares records that differ in one field, and `{word}` is {other}"
            remedy = "name a field that it is computed from" if other == "derived" else ""
            self.error("law-needs-field", word.span, message, remedy)
            return None
        known = [name for name in scope.fields if name not in aliases]
        if word not in known:
            self.error("unknown-field", word.span, f"unknown field `{word}`", did_you_mean(word, known))
            return None
        kind = scope.fields[word].type
        if not has_order(kind):
            remedy = f"say what its values give: `always: {{…}}, when: {{{word}: …}}`"
            message = f"`{word}` has no order: it is {show_type(kind)}"
            self.no_order("in", message, "" if isinstance(kind, TextType) else remedy)
            return None
        return str(word)

    def direction(self, output: Output | None) -> Direction | None:
        """Which way an output goes, in the words of its order."""
        word = self.single("direction")
        known = tuple(DIRECTIONS) if output is None else directions(output)
        if not known and output is not None:
            message = f"`{output.name}` has no order: it is {show_type(output.type)}"
            self.no_order(str(self.word), message, ORDERED if isinstance(output.type, Choice) else "")
            return None
        if word is not None and word not in known:
            message = f"expected one of {', '.join(known)}, found `{word}`"
            self.error("unknown-word", word.span, message, did_you_mean(word, known))
            return None
        return None if word is None else DIRECTIONS[word]

    def no_order(self, key: str, message: str, remedy: str) -> None:
        """Report a name that a law with an order cannot speak of."""
        self.error("law-needs-order", self.keys[key].span, message, remedy)

    def count(self) -> int | None:
        """How many places an output may move by."""
        word = self.single(str(self.word))
        if word is None:
            return None
        if COUNT.fullmatch(word) is None or int(word) < 1:
            self.error("wrong-literal", word.span, f"expected a whole number from 1 to 999, found `{word}`")
            return None
        return int(word)

    # Conditions

    def outcome(self, key: str) -> tuple[OutputCondition, ...] | None:
        """The cells over outputs that stand under a key."""
        cells = self.cells(key, "outputs")
        found: list[OutputCondition] = []
        for name, cell in cells or ():
            output = self.known(name)
            test = None if output is None else self.test(name, cell, output.type)
            if output is not None and test is not None:
                found.append(OutputCondition(output.name, test))
        return None if cells is None else tuple(found)

    def when(self) -> tuple[InputCondition, ...] | None:
        """The cells over fields, derived fields and required decisions under `when`; none where it is left out."""
        cells = [] if "when" not in self.keys else self.cells("when", "fields")
        found: list[InputCondition] = []
        for name, cell in cells or ():
            if name in self.outputs:
                remedy = f"it is an output; between outputs write `implies: {{{name}: …}}, then: {{…}}`"
                self.error("unknown-field", name.span, f"unknown field `{name}`", remedy)
                continue
            subject = self.draft.subject(name)
            test = None if subject is None else self.test(name, cell, subject[1])
            if subject is not None and test is not None:
                found.append(InputCondition(str(name), *subject, test))
        return None if cells is None else tuple(found)

    def cells(self, key: str, what: str) -> list[tuple[Text, Any]] | None:
        """The names and cells under a key; None where there are none."""
        tree = self.keys.get(key)
        if isinstance(tree, Mapping) and tree:
            return list(tree.items())
        if tree is not None:
            found = "nothing" if isinstance(tree, Mapping) else shape(tree)
            message = f"expected {what} and their cells, found {found}"
            self.error("wrong-shape", place(tree, self.tree), message, f"{key}: {{name: cell}}")
        return None

    def test(self, name: Text, cell: Any, kind: Type) -> Test | None:
        """The test of one cell, for a value of a type."""
        if not isinstance(cell, Text):
            message = f"expected one cell for `{name}`"
            self.error("wrong-shape", place(cell, self.tree), message, "put the cell in quotes")
            return None
        if not cell and not cell.quoted:
            remedy = "write `-` for any value, or `missing` for none"
            self.error("empty-cell", cell.span, "the cell is empty", remedy)
            return None
        return lower_cell(cell, kind, self.draft.findings)


def shown(tree: Any) -> str:
    """A piece of a file in one line, as it was written."""
    if isinstance(tree, Mapping):
        return "{" + ", ".join(f"{key}: {shown(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, Sequence):
        return "[" + ", ".join(map(shown, tree)) + "]"
    words = " ".join(str(tree).split())
    return f'"{words}"' if tree.quoted else words
