"""The results of a run as JUnit XML, which build servers show: a test suite for each file, a test for each case.

A failing case carries what `crm-rules test` prints for it. What is wrong with a file itself is an
error of its suite, so that a run in which nothing could be tried never looks fine. Times are left
out: cases take microseconds. Nothing is written to disk here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from crm_rules.cases.running import CaseResult, SuiteResult
from crm_rules.diagnostics import Diagnostic
from crm_rules.rendering import render_text

UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0


def to_junit(results: Iterable[SuiteResult]) -> str:
    """The XML document; it ends with a line end."""
    root = ET.Element("testsuites", name="crm-rules")
    for result in results:
        broken: dict[str, list[Diagnostic]] = {}
        for item in result.report:
            if item.severity == "error":
                broken.setdefault(item.span.path, []).append(item)
        for file, found in result.files:
            suite = add_suite(root, file.path, found, broken.pop(file.path, []), result)
            add_cases(suite, file.policy, found, result)
        for path, mistakes in broken.items():
            add_suite(root, path, (), mistakes, result)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def add_suite(
    root: ET.Element, path: str, found: Sequence[CaseResult], mistakes: Sequence[Diagnostic], result: SuiteResult
) -> ET.Element:
    """The suite of one file, with an error for its mistakes."""
    numbers = {
        "tests": len(found) + bool(mistakes),
        "failures": sum(not one.passed for one in found),
        "errors": int(bool(mistakes)),
        "skipped": 0,
    }
    suite = ET.SubElement(root, "testsuite", name=clean(path))
    for name, number in numbers.items():
        suite.set(name, str(number))
    if mistakes:
        test = ET.SubElement(suite, "testcase", name="the file has no mistakes", classname=clean(path))
        add_outcome(test, "error", mistakes, result)
    return suite


def add_cases(suite: ET.Element, policy: str, found: Sequence[CaseResult], result: SuiteResult) -> None:
    """A test for each case."""
    for one in found:
        name = one.case.name
        test = ET.SubElement(suite, "testcase", name=clean(name), classname=policy, line=str(name.span.line))
        test.set("file", clean(name.span.path))
        if not one.passed:
            add_outcome(test, "failure", one.diagnostics, result)


def add_outcome(test: ET.Element, kind: str, found: Sequence[Diagnostic], result: SuiteResult) -> None:
    """Why a test did not pass, in a sentence and in its source lines."""
    outcome = ET.SubElement(test, kind, message=clean(found[0].message), type=found[0].code)
    outcome.text = clean(render_text(found, result.texts))


def clean(text: str) -> str:
    """The text without what XML cannot hold."""
    return UNWRITABLE.sub("�", text)
