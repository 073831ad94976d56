"""Cases as tests of pytest: each case of a `*.cases.yaml` file is one test, named after itself.

pytest loads this module in every project that has the library installed, so it imports nothing
more until such a file is met. A failing case shows what `crm-rules test` shows, without a traceback;
a file or a pack with a mistake is an error of the collection. `crm_rules_cases = false` among
pytest's settings turns it off, and so does `-p no:crm_rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from crm_rules.cases import Case
    from crm_rules.diagnostics import Diagnostic, Report
    from crm_rules.pack import Pack

ENDING = ".cases.yaml"
SETTING = "crm_rules_cases"
Loaded = tuple["Pack | None", "Report", Mapping[str, str]]
LOADED = pytest.StashKey[dict[Path, Loaded]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting."""
    parser.addini(SETTING, "collect the cases of crm_rules policies (*.cases.yaml)", type="bool", default=True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CasesFile | None:
    """A file of cases is collected by a collector of its own."""
    if file_path.name.endswith(ENDING) and parent.config.getini(SETTING):
        return CasesFile.from_parent(parent, path=file_path)
    return None


class FailedCaseError(Exception):
    """A case whose decision is not the expected one; the text is the whole report."""


class CasesFile(pytest.File):
    """One file of cases, decided by the policies of the pack around it."""

    def collect(self) -> Iterator[CaseItem]:
        """The cases, in their order; raises `CollectError` with the report where there is a mistake."""
        from crm_rules.cases import find_suites, read_cases  # noqa: PLC0415 - a project may have no cases
        from crm_rules.loading import shown_text  # noqa: PLC0415

        path = shown_path(self.path)
        (suite,) = find_suites(path)
        pack, report, texts = self.loaded(suite.root)
        if pack is None:
            raise self.CollectError(rendered(report, texts))
        texts = {**texts, str(path): shown_text(path)}
        file, diagnostics = read_cases(path, pack)
        if file is None or any(item.severity == "error" for item in diagnostics):
            raise self.CollectError(rendered(diagnostics, texts))
        for case in file.cases:
            yield CaseItem.from_parent(self, name=name_of_test(str(case.name)), case=case, texts=texts)

    def loaded(self, root: Path) -> Loaded:
        """The pack of a folder; many files share it, so it is loaded once in a run."""
        from crm_rules.loading import load_with_report  # noqa: PLC0415 - a project may have no cases

        packs = self.config.stash.setdefault(LOADED, {})
        if root not in packs:
            packs[root] = load_with_report(root)
        return packs[root]


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, texts: Mapping[str, str], **of_node: Any) -> None:
        super().__init__(**of_node)
        self.case = case
        self.texts = texts

    def runtest(self) -> None:
        """Decide the case; raises `FailedCaseError` when the decision is another one."""
        from crm_rules.cases import run_case  # noqa: PLC0415 - a project may have no cases

        result = run_case(self.case)
        if not result.passed:
            raise FailedCaseError(rendered(result.diagnostics, self.texts))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report of a case that failed; a traceback only for what is no failed case."""
        if isinstance(excinfo.value, FailedCaseError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case is written."""
        return self.path, self.case.name.span.line - 1, self.name


def shown_path(path: Path) -> Path:
    """The path as a person would type it: from the working directory where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def name_of_test(name: str) -> str:
    """The name of a case as a part of a test's id, in which `::` separates the parts and nothing is hidden."""
    return "".join(character if character.isprintable() else "�" for character in name).replace("::", ":")


def rendered(diagnostics: Iterable[Diagnostic], texts: Mapping[str, str]) -> str:
    """The findings in their source lines."""
    from crm_rules.rendering import render_text  # noqa: PLC0415 - a project may have no cases

    return render_text(diagnostics, texts).rpartition("\n\n")[0]  # pytest has a summary of its own
