"""The mapping file: which column feeds which field, and how its texts are to be read.

    policy: pipeline-stage
    key: opportunity_id
    empty: [N/A]
    fields:
      need:
        column: deal_stage
        values: {Won: clear, Engaging: clear, Prospecting: potential, Lost: none}
      expected_close: {column: close_date, date: YYYY-MM-DD}
      paid_date: {missing: true}

A field that is not listed takes the column of its own name. Nothing is guessed: a value that is not listed
under `values`, or a date in another form, makes its row invalid. What the file says is checked
against the policy and the columns of the data before any row is read; the reading of cells is in
`crm_rules.cli.cells`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BeforeValidator, InstanceOf

from crm_rules.backends.table_columns import FOR_TEXTS, Columns
from crm_rules.cli.cells import DATE_FORM, Cells, date_pattern, reader_of
from crm_rules.cli.console import UsageError
from crm_rules.codes import diagnose
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Diagnostic, Report, did_you_mean
from crm_rules.errors import PolicyError
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Field
from crm_rules.ir.record import Rejected, parse_fact
from crm_rules.ir.types import Boolean, Choice, Date, Type, is_numeric, show_type
from crm_rules.ir.types import Text as TextType
from crm_rules.kinds.documents import Cell, Document, Flag, Id, Word
from crm_rules.kinds.reading import read_document
from crm_rules.policy import Policy
from crm_rules.reader.yaml_text import MAX_BYTES, read_yaml
from crm_rules.reader.yaml_text import Mapping as Tree
from crm_rules.rendering import render_text
from crm_rules.source import Span, Text

DELIMITERS: Final = {",": ",", ";": ";", "|": "|", "tab": "\t"}
SHOWN_COLUMNS: Final = 30


def as_mapping(found: object) -> object:
    """`due_date: DueDate` is short for `due_date: {column: DueDate}`."""
    return {"column": found} if isinstance(found, Text) else found


def as_list(found: object) -> object:
    """`key: id` is short for `key: [id]`."""
    return [found] if isinstance(found, Text) else found


class FieldMapping(Document):
    """Where the values of one field come from, and how their texts are read."""

    column: Word | None = None
    values: dict[InstanceOf[Text], Word] | None = None
    date: Word | None = None
    thousands: Literal[",", "'", " "] | None = None
    empty: Annotated[list[Cell], BeforeValidator(as_list)] | None = None
    constant: Cell | None = None
    missing: Flag | None = None


class MappingDocument(Document):
    """A mapping file."""

    policy: Id | None = None
    key: Annotated[list[Word], BeforeValidator(as_list)] | None = None
    encoding: Literal["utf-8", "utf-8-sig", "gb18030"] | None = None
    delimiter: Literal[",", ";", "|", "tab"] | None = None
    empty: Annotated[list[Cell], BeforeValidator(as_list)] | None = None
    fields: dict[InstanceOf[Text], Annotated[FieldMapping, BeforeValidator(as_mapping)]] | None = None


@dataclass(frozen=True, slots=True)
class MappingFile:
    """A mapping file that was read: its document, and its text for messages."""

    path: str
    text: str
    document: MappingDocument
    tree: Tree


@dataclass(frozen=True, slots=True)
class Plan:
    """How a row becomes facts: constants, and for each field fed by a column its position and reader.

    `key` are the positions of the columns that name a row.
    """

    constants: Mapping[str, Any]
    sources: tuple[tuple[str, int, Cells], ...]
    key: tuple[int, ...] = ()

    def facts(self, cells: Any) -> dict[str, Any]:
        """The facts of one row; a cell that cannot be read becomes an `Unread`, which no field accepts."""
        return {**self.constants, **{name: read(cells[index]) for name, index, read in self.sources}}


Targets: TypeAlias = Mapping[str, Field]


def read_mapping(path: str) -> MappingFile:
    """The mapping file of a path; raises `PolicyError` with every finding of its form."""
    with Path(path).open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)  # the reader refuses what is larger
    text = data.decode("utf-8", errors="replace")
    tree, diagnostics = read_yaml(data, path)
    if tree is not None and not isinstance(tree, Tree):
        place = Span(path, 1, 1, 2)
        diagnostics.append(diagnose("wrong-shape", place, "expected `fields:` with a key for each field"))
    document = read_document(MappingDocument, tree, diagnostics) if isinstance(tree, Tree) else None
    if document is None or diagnostics or not isinstance(tree, Tree):
        raise refused(diagnostics, {path: text})
    return MappingFile(path, text, document, tree)


def refused(diagnostics: Iterable[Diagnostic], texts: Mapping[str, str]) -> PolicyError:
    """The error of a mapping that cannot be used."""
    report = Report(dict.fromkeys(diagnostics))
    return PolicyError(report, render_text(report, texts))


def targets_of(policy: Policy, given: Collection[str] = ()) -> Targets:
    """What a record can hold: the fields of the chain, and the columns that name a row's currency."""
    found = {item.name: item for item in policy.contract(given)}
    for name in policy.currency_columns(given):
        found.setdefault(name, Field(name, TextType()))
    return found


def plan_of(
    policy: Policy, given: Collection[str], columns: tuple[str, ...], data: str, file: MappingFile | None
) -> Plan:
    """The plan for the columns of a data file; raises `PolicyError` for a mapping that does not fit them."""
    planning = Planning(targets_of(policy), targets_of(policy, given), columns, data, file)
    return planning.plan(policy.id)


def typed_columns(policy: Policy, plan: Plan, columns: Sequence[str], file: MappingFile | None) -> Columns:
    """The plan for a table whose columns have types, as `to_sql` takes it; raises `UsageError` for what reads texts."""
    document = MappingDocument() if file is None else file.document
    fields = {str(name): mapping for name, mapping in (document.fields or {}).items()}
    said = [key for key in ("encoding", "delimiter", "empty") if getattr(document, key) is not None]
    said += [f"{key} of {name}" for name, one in fields.items() for key in FOR_TEXTS if getattr(one, key) is not None]
    if file is not None and said:
        names = ", ".join(f"`{one}`" for one in said)
        raise UsageError(f"{file.path}: {names} is for texts of a file; let a view of the database say it")
    targets = targets_of(policy)
    found: dict[str, str | Mapping[str, Any] | None] = {
        name: None if value is None else {"constant": value} for name, value in plan.constants.items()
    }
    for name, position, _ in plan.sources:
        values = fields[name].values if name in fields else None
        read = {str(text): parse_fact(targets[name].type, value) for text, value in (values or {}).items()}
        found[name] = {"column": columns[position], "values": read} if read else columns[position]
    return found


class Planning:
    """The checks of one mapping against one policy and one header, all findings at once."""

    def __init__(
        self, known: Targets, needed: Targets, columns: tuple[str, ...], data: str, file: MappingFile | None
    ) -> None:
        self._known = known
        self._needed = needed
        self._columns = columns
        self._data = data
        self._file = file
        self._document = MappingDocument() if file is None else file.document
        self._diagnostics: list[Diagnostic] = []

    def plan(self, policy_id: str) -> Plan:
        """The plan, when nothing is wrong."""
        document = self._document
        if document.policy is not None and document.policy != policy_id:
            self.error(
                "mapping-of-other-policy",
                document.policy.span,
                f"this maps to `{document.policy}`, and `{policy_id}` is asked",
            )
        fields = document.fields or {}
        for name in fields:
            if name not in self._known:
                remedy = did_you_mean(name, self._known) or f"it reads {', '.join(self._known)}"
                self.error("field-not-read", name.span, f"`{policy_id}` reads no field `{name}`", remedy)
        key = tuple(index for name in document.key or () if (index := self.index(name)) is not None)
        mapped = {str(name): (name, mapping) for name, mapping in fields.items()}
        constants: dict[str, Any] = {}
        sources: list[tuple[str, int, Cells]] = []
        for target, field in self._known.items():
            needed = target in self._needed
            if target in mapped:
                source = self.source(*mapped[target], field)
            elif needed:
                source = self.same_name(field)
            else:
                continue
            match source:
                case (int(index), Cells() as cells) if needed:
                    sources.append((target, index, cells))
                case Fact(value) if needed:
                    constants[target] = value
        if self._diagnostics:
            raise refused(self._diagnostics, {} if self._file is None else {self._file.path: self._file.text})
        return Plan(constants, tuple(sources), key)

    def error(self, code: str, span: Span, message: str, remedy: str = "") -> None:
        """Report one error."""
        self._diagnostics.append(diagnose(code, span, message, remedy=remedy))

    def index(self, name: Text) -> int | None:
        """The position of a column of the data; None after reporting that there is none."""
        if name in self._columns:
            return self._columns.index(name)
        remedy = did_you_mean(name, self._columns) or self.columns_in_words()
        self.error("absent-column", name.span, f"the data has no column `{name}`", remedy)
        return None

    def columns_in_words(self) -> str:
        """The columns there are, and what may be wrong when there is but one."""
        if not self._columns:
            return "there are no columns"
        shown = ", ".join(f"`{column}`" for column in self._columns[:SHOWN_COLUMNS])
        more = f" and {len(self._columns) - SHOWN_COLUMNS} more" if len(self._columns) > SHOWN_COLUMNS else ""
        if len(self._columns) == 1:
            return f'there is only {shown}; is the delimiter another one? A mapping file says so: `delimiter: ";"`'
        return f"there are {shown}{more}"

    def same_name(self, field: Field) -> tuple[int, Cells] | None:
        """The column called like the field."""
        if field.name in self._columns:
            return self._columns.index(field.name), reader_of(field.type, FieldMapping(), self._document.empty or ())
        span = Span(self._data, 1, 1, 2) if self._file is None else self._file.tree.span
        close = did_you_mean(field.name, self._columns)
        also = " or `missing: true`" if field.optional or field.default is not None else ""
        way = f"say in a mapping file which column feeds it{also}; {self.columns_in_words()}"
        self.error(
            "unmapped-field",
            span,
            f"the field `{field.name}` ({show_type(field.type)}) has no column",
            f"{close} {way}".strip(),
        )
        return None

    def source(self, name: Text, mapping: FieldMapping, field: Field) -> tuple[int, Cells] | Fact | None:
        """What the mapping of one field says."""
        said = [key for key in ("column", "constant", "missing") if getattr(mapping, key) is not None]
        if len(said) != 1:
            found = " and ".join(f"`{key}`" for key in said) or "none of them"
            self.error(
                "unsuited-mapping",
                name.span,
                f"expected one of `column`, `constant` and `missing` for `{name}`, found {found}",
            )
            return None
        if mapping.column is None:
            for key in ("values", "date", "thousands", "empty"):
                if getattr(mapping, key) is not None:
                    self.error(
                        "unsuited-mapping",
                        name.span,
                        f"`{key}` of `{name}` says how a column is read, and there is no column",
                    )
            return (
                self.constant(mapping.constant, field)
                if mapping.constant is not None
                else self.missing(name, mapping, field)
            )
        index = self.index(mapping.column)
        if self.fits(name, mapping, field) and index is not None:
            return index, reader_of(field.type, mapping, self._document.empty or ())
        return None

    def constant(self, text: Text, field: Field) -> Fact | None:
        """One value for all rows."""
        value = parse_fact(field.type, text)
        if isinstance(value, Rejected):
            remedy = did_you_mean(text, field.type.one_of) if isinstance(field.type, Choice) else ""
            self.error(
                "wrong-constant", text.span, f"expected {value.expected} for `{field.name}`, found `{text}`", remedy
            )
            return None
        return Fact(to_fact(value))

    def missing(self, name: Text, mapping: FieldMapping, field: Field) -> Fact | None:
        """No value in any row, said on purpose."""
        if not mapping.missing:
            self.error("unsuited-mapping", name.span, f"expected `missing: true` for `{name}`, or a column")
        elif not field.optional and field.default is None:
            self.error(
                "unsuited-mapping", name.span, f"the field `{name}` is required and cannot be missing in every row"
            )
        return Fact(None)

    def fits(self, name: Text, mapping: FieldMapping, field: Field) -> bool:
        """True when what is said about the texts of a column suits the type of the field."""
        before = len(self._diagnostics)
        kind = show_type(field.type)
        if mapping.values is not None:
            self.check_values(name, mapping.values, field)
        if mapping.date is not None:
            if not isinstance(field.type, Date):
                self.error(
                    "unsuited-mapping", mapping.date.span, f"a form of dates is for dates, and `{name}` is {kind}"
                )
            elif date_pattern(mapping.date) is None:
                self.error("bad-date-form", mapping.date.span, f"`{mapping.date}` is no form of dates", DATE_FORM)
        if mapping.thousands is not None and not is_numeric(field.type):
            self.error("unsuited-mapping", name.span, f"`thousands` is for numbers, and `{name}` is {kind}")
        return len(self._diagnostics) == before

    def check_values(self, name: Text, values: Mapping[Text, Text], field: Field) -> None:
        """Every value of the field that the mapping names must be one."""
        accepted = values_of(field.type)
        if accepted is None:
            self.error(
                "unsuited-mapping",
                name.span,
                f"`values` is for choices and true or false, and `{name}` is {show_type(field.type)}",
            )
            return
        for found, value in values.items():
            if not found:
                self.error("unsuited-mapping", name.span, f"an empty cell of `{name}` is missing and has no value")
            if value not in accepted:
                remedy = did_you_mean(value, accepted)
                self.error(
                    "unknown-choice", value.span, f"expected one of {', '.join(accepted)}, found `{value}`", remedy
                )


@dataclass(frozen=True, slots=True)
class Fact:
    """The value that a field has in every row."""

    value: Any


def values_of(kind: Type) -> tuple[str, ...] | None:
    """The texts that a value can be mapped to, or None for a type without a closed set."""
    match kind:
        case Boolean():
            return ("true", "false")
        case Choice(one_of):
            return one_of
        case _:
            return None
