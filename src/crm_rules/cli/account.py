"""A migration as text, as Markdown and as JSON data: the matrices, the sums, and the records that move.

Rows of a matrix are the outcomes before, columns those after; what is on the diagonal stayed. Outcomes
in parentheses are no values: a status, or that a record is new or has vanished. Sums are exact and never rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from crm_rules.cli.console import paint, table
from crm_rules.cli.summary import share
from crm_rules.columns import display_width, pad
from crm_rules.comparing.migration import ABSENT, Cell, Matrix, Migration, Move, Outcome, Place
from crm_rules.comparing.words import ARROW, escaped, markdown_table, value_text
from crm_rules.decision import fact_to_json
from crm_rules.ir.numbers import Exact, show_number

ALL: Final = "all"
NEW: Final = "(new)"
VANISHED: Final = "(vanished)"
WIDEST_MATRIX: Final = 12  # outcomes side by side; more are listed pair by pair


def show_sum(number: Exact) -> str:
    """`-1,234,567.5`, with every digit there is."""
    whole, dot, decimals = show_number(number).partition(".")
    return f"{int(whole):,}{dot}{decimals}" if whole not in {"-0", "-"} else f"{whole}{dot}{decimals}"


def place_text(place: Place, absent: str) -> str:
    """An outcome as a heading."""
    match place.kind:
        case "value":
            return value_text(place.value) if place.value != "" else "missing"
        case "status":
            return f"({place.value})"
        case "absent":
            return absent


def counted_records(number: int) -> str:
    """`1 record`, `2 records`."""
    return f"{number:,} {'record' if number == 1 else 'records'}"


def headline(found: Migration) -> str:
    """How many records move, in one sentence."""
    both = found.rows - found.new - found.vanished
    words = [f"{found.moved:,} of {counted_records(both)} ({share(found.moved, both)}) moved"] if both else []
    words += [f"{found.new:,} new"] if found.new else []
    words += [f"{found.vanished:,} vanished"] if found.vanished else []
    return ", ".join(words) or "there are no records"


def left_out_of_sum(found: Migration) -> str:
    """What the sums do not cover."""
    if not found.without_amount:
        return ""
    number = counted_records(found.without_amount)
    return f"sums leave out {number} without a number in {found.sum_of} (first: {found.first_without})"


# Text


def migration_text(found: Migration, shown: int, *, color: bool) -> str:
    """The account in blocks: one for each output, then the records that move, at most `shown` of them."""
    blocks = [headline(found)]
    for matrix in found.matrices:
        blocks += matrix_texts(matrix, found, color=color)
    if note := left_out_of_sum(found):
        blocks.append(f"note: {note}")
    if found.moves and shown:
        blocks.append(moves_text(found, shown, color=color))
    return "\n\n".join(blocks)


def matrix_texts(matrix: Matrix, found: Migration, *, color: bool) -> list[str]:
    """The counts and the sums of one output; open values and many outcomes in short forms."""
    if matrix.is_open:
        return [f"{paint(matrix.output, 'bold', color=color)}: {open_text(matrix, found)}"]
    measures: list[tuple[str, Callable[[Cell], Exact]]] = [("records", lambda cell: cell.rows)]
    if found.sum_of is not None:
        measures.append((f"sum of {found.sum_of}", lambda cell: cell.total))
    if max(len(matrix.before), len(matrix.after)) > WIDEST_MATRIX:
        return [pairs_text(matrix, found, color=color)]
    return [
        numbers_table(f"{matrix.output}: {name}", grid(matrix, measure, show_sum), color=color)
        for name, measure in measures
    ]


def open_text(matrix: Matrix, found: Migration) -> str:
    """How the values of an output moved that has too many for a table."""
    words = [f"{matrix.changed - found.new - found.vanished:,} changed"]
    words += [f"{matrix.higher:,} higher or later, {matrix.lower:,} lower or earlier"] if matrix.changed else []
    return ", ".join(words)


def grid(matrix: Matrix, measure: Callable[[Cell], Exact], show: Callable[[Exact], str]) -> list[list[str]]:
    """A matrix with its sums at the margins; an empty pair is a dash."""
    cells = {(cell.before, cell.after): measure(cell) for cell in matrix.cells}
    columns = [place_text(place, VANISHED) for place in matrix.after]
    rows = [["before \\ now", *columns, ALL]]
    for before in matrix.before:
        numbers = [cells.get((before, after)) for after in matrix.after]
        shown = ["-" if number is None else show(number) for number in numbers]
        rows.append([place_text(before, NEW), *shown, show(sum(number for number in numbers if number is not None))])
    sums = [sum(number for (_, other), number in cells.items() if other == after) for after in matrix.after]
    rows.append([ALL, *map(show, sums), show(sum(cells.values()))])
    return rows


def numbers_table(heading: str, rows: Sequence[Sequence[str]], *, color: bool) -> str:
    """A table whose first column is text and whose others are numbers on the right."""
    widths = [max(display_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    aligned = [
        [row[0], *(pad(cell, width, "right") for cell, width in zip(row[1:], widths[1:], strict=True))] for row in rows
    ]
    return f"{paint(heading, 'bold', color=color)}\n{table(aligned[:1], aligned[1:], color=color)}"


def pairs_text(matrix: Matrix, found: Migration, *, color: bool) -> str:
    """The pairs of outcomes that differ, where a matrix would be too wide."""
    headings = ["from", "to", "records", *([f"sum of {found.sum_of}"] if found.sum_of is not None else [])]
    rows = [
        [
            place_text(cell.before, NEW),
            place_text(cell.after, VANISHED),
            f"{cell.rows:,}",
            *([show_sum(cell.total)] if found.sum_of is not None else []),
        ]
        for cell in sorted(matrix.cells, key=lambda cell: -cell.rows)
        if cell.before != cell.after
    ]
    if not rows:
        return f"{paint(matrix.output, 'bold', color=color)}: nothing changed"
    return f"{paint(matrix.output, 'bold', color=color)}\n{table([headings], rows, color=color)}"


def moves_text(found: Migration, shown: int, *, color: bool) -> str:
    """The records that move, the first of them."""
    headings, rows = moves_rows(found, found.moves[:shown])
    if headings[-1] == found.sum_of:  # numbers stand on the right
        width = max(display_width(row[-1]) for row in [headings, *rows])
        rows = [[*row[:-1], pad(row[-1], width, "right")] for row in rows]
    lines = [paint("Records that moved", "bold", color=color), table([headings], rows, color=color)]
    if len(found.moves) > shown:
        lines.append(f"… and {len(found.moves) - shown:,} more (--show N for more of them, --format json for all)")
    return "\n".join(lines)


def moves_rows(found: Migration, moves: Sequence[Move]) -> tuple[list[str], list[list[str]]]:
    """The headings and the cells of a list of moves; a column that is empty throughout is left out."""
    headings = ["record", "change", "rule before", "rule now", "also changed", found.sum_of or ""]
    rows = [
        [
            move.key,
            change_of(found.outputs, move.before, move.after),
            "" if move.before is None else move.before.why,
            "" if move.after is None else move.after.why,
            move.note,
            "" if move.amount is None else show_sum(move.amount),
        ]
        for move in moves
    ]
    kept = [column for column in range(len(headings)) if any(row[column] for row in rows)]
    return [headings[column] for column in kept], [[row[column] for column in kept] for row in rows]


def change_of(outputs: Sequence[str], before: Outcome | None, after: Outcome | None) -> str:
    """`B → A`, with the names of the outputs where there are several."""
    if before is None or after is None or before.status != "decided" or after.status != "decided":
        return f"{outcome_text(before, NEW)} {ARROW} {outcome_text(after, VANISHED)}"
    pairs = [
        (name, value_text(one), value_text(other))
        for name, one, other in zip(outputs, before.values, after.values, strict=True)
        if one != other
    ]
    return ", ".join(
        f"{one} {ARROW} {other}" if len(outputs) == 1 else f"{name}: {one} {ARROW} {other}"
        for name, one, other in pairs
    )


def outcome_text(outcome: Outcome | None, absent: str) -> str:
    """All outputs of one side, or why there are none."""
    if outcome is None:
        return absent
    if outcome.status != "decided":
        return f"({outcome.status})"
    return ", ".join(map(value_text, outcome.values))


# Markdown


def migration_markdown(found: Migration, shown: int) -> str:
    """The account as Markdown."""
    blocks = ["## What it does to the records", f"**{headline(found)}.**"]
    for matrix in found.matrices:
        if matrix.is_open:
            blocks.append(f"{escaped(matrix.output)}: {open_text(matrix, found)}")
            continue
        blocks.append(f"### {escaped(matrix.output)}: records")
        blocks.append(grid_markdown(grid(matrix, lambda cell: cell.rows, show_sum)))
        if found.sum_of is not None:
            blocks.append(f"### {escaped(matrix.output)}: sum of {escaped(found.sum_of)}")
            blocks.append(grid_markdown(grid(matrix, lambda cell: cell.total, show_sum)))
    if note := left_out_of_sum(found):
        blocks.append(f"Note: {escaped(note)}")
    if found.moves and shown:
        headings, rows = moves_rows(found, found.moves[:shown])
        blocks += ["### Records that moved", markdown_table(headings, [list(map(escaped, row)) for row in rows])]
        if len(found.moves) > shown:
            blocks.append(f"… and {len(found.moves) - shown:,} more")
    return "\n\n".join(blocks)


def grid_markdown(rows: Sequence[Sequence[str]]) -> str:
    """A matrix as a table of Markdown."""
    cells = [list(map(escaped, row)) for row in rows]
    return markdown_table(cells[0], cells[1:], numbers=len(cells[0]) - 1)


# JSON


def migration_data(found: Migration) -> dict[str, Any]:
    """The account as JSON data, every record that moves in it."""
    return {
        "records": found.rows,
        "same": found.same,
        "moved": found.moved,
        "new": found.new,
        "vanished": found.vanished,
        "sum_of": found.sum_of,
        "without_amount": found.without_amount,
        "outputs": {matrix.output: matrix_data(matrix, found) for matrix in found.matrices},
        "moves": [move_data(move, found) for move in found.moves],
    }


def matrix_data(matrix: Matrix, found: Migration) -> dict[str, Any]:
    """One output; an open one without its many pairs, which the moves have."""
    if matrix.is_open:
        return {"changed": matrix.changed, "higher": matrix.higher, "lower": matrix.lower, "matrix": None}
    cells = [
        {
            "before": place_data(cell.before),
            "after": place_data(cell.after),
            "records": cell.rows,
            "sum": None if found.sum_of is None else fact_to_json_exact(cell.total),
        }
        for cell in matrix.cells
    ]
    return {"changed": matrix.changed, "matrix": cells}


def place_data(place: Place) -> dict[str, Any] | None:
    """An outcome of one output; None where the record is not there."""
    if place == ABSENT:
        return None
    if place.kind == "status":
        return {"status": place.value}
    return {"status": "decided", "value": fact_to_json(place.value)}


def fact_to_json_exact(number: Exact) -> int | str:
    """A sum in JSON: whole numbers as they are, others with all their digits in a text."""
    return number if isinstance(number, int) else show_number(number)


def move_data(move: Move, found: Migration) -> dict[str, Any]:
    """One record that moves."""
    return {
        "key": move.key,
        "before": outcome_data(move.before, found.outputs),
        "after": outcome_data(move.after, found.outputs),
        "amount": None if move.amount is None else fact_to_json_exact(move.amount),
        "also_changed": move.note,
    }


def outcome_data(outcome: Outcome | None, outputs: Sequence[str]) -> dict[str, Any] | None:
    """One side of a move."""
    if outcome is None:
        return None
    values = outcome.values if outcome.status == "decided" else ()
    named = {name: fact_to_json(value) for name, value in zip(outputs, values, strict=False)}
    return {"status": outcome.status, "outputs": named, "why": outcome.why}
