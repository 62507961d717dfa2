"""What is taken away as a file: no cell of a table is a formula, and no name is anybody's text."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from idbroker.admin_api.operation import Operation
from tests.security.pages.test_markup import filled
from tests.support.hostile import FORMULA, Hostile

NAME = re.compile(r'attachment; filename="[a-z0-9_-]+\.[a-z]+"')
FORMULA_STARTS = tuple("=+-@|%\t\r\n＝＋－＠")


def tables(hostile: Hostile) -> list[Operation]:
    """What can be had as CSV."""
    found = hostile.world.broker.admin_api.operations
    return [one for one in found if any(asked.name == "format" and "csv" in str(asked) for asked in one.query)]


def fetched(hostile: Hostile, operation: Operation, query: str = "") -> Any:
    headers = {"authorization": f"Bearer {hostile.world.key}"}
    answer = hostile.world.client.get(filled(hostile, operation.row.path) + query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def test_no_cell_of_any_table_is_a_formula(hostile: Hostile) -> None:
    assert {one.name for one in tables(hostile)} >= {"export_audit_events", "export_operator_audit_events", "get_usage"}
    cells: list[str] = []
    for operation in tables(hostile):
        text = fetched(hostile, operation, "?format=csv").content.decode()
        cells += [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
        # A spreadsheet set to another language parts cells at semicolons, and takes quotes inside of them as they come.
        cells += [cell for line in text.splitlines() for cell in line.split(";")[1:]]
    assert [cell for cell in cells if cell.lstrip(" ").startswith(FORMULA_STARTS)] == []
    assert any(cell.startswith("'" + FORMULA[:10]) for cell in cells), "a name that is a formula is in there"


def test_every_download_is_named_by_ids_alone(hostile: Hostile) -> None:
    files = [one for one in hostile.world.broker.admin_api.operations if one.row.method == "GET" and one.media]
    named = [fetched(hostile, one).headers.get("content-disposition") for one in files]
    assert len([name for name in named if name]) >= 4
    assert [name for name in named if name and not NAME.fullmatch(name)] == []
    for path in (f"/admin/t/{hostile.slug}/audit/export", "/admin/trail/export"):
        for query in ("format=csv", "format=pack&name=%22%0d%0aX-Evil:1", "format=csv&q=%0d%0aX-Evil:%201"):
            answer = hostile.operator.get(f"{path}?{query}")
            assert answer.status == 200, answer.text
            assert NAME.fullmatch(answer.headers["content-disposition"])
            assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    "name", ['"><img src=x onerror=alert(1)>.xml', "../../etc/passwd", 'x"\r\nX-Evil: 1\r\n\r\n.xml', "=1+1.xml"]
)
def test_a_file_comes_without_its_name(hostile: Hostile, name: str) -> None:
    """Browsers read files and send their text in a field; a form with a file is none of ours."""
    token = hostile.guest.get("/setup/steps/metadata").token
    for person, path in ((hostile.guest, "/setup/steps/metadata"), (hostile.operator, f"/admin/t/{hostile.slug}/branding")):
        files = {"metadata_xml": (name, b"<x/>", "text/xml")}
        answer = person.client.post(path, data={"csrf": token}, files=files, headers={"origin": "https://id.example.com"})
        assert answer.status_code in (403, 415)
        assert "onerror" not in answer.text
