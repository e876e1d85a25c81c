"""The code of the documentation: every Python block of every page runs and prints what the page says. The notebooks are
run when the site is built (`.ci/run`); their form is checked here."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
RUNNER = DOCS / "site" / "code_blocks.py"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
#: Packages beyond the library's own that a page's code imports, and how the page shows that.
NEEDS = {"matplotlib": "visualization", "onnx": "model.export(", "onnxruntime": "import onnxruntime"}


@pytest.fixture(scope="module")
def code_blocks():
    spec = importlib.util.spec_from_file_location("code_blocks", RUNNER)
    module = sys.modules["code_blocks"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["code_blocks"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_code_of_a_page_runs(path, run_python, code_blocks):
    blocks = code_blocks.blocks_of_page(path.read_text(encoding="utf-8"))
    code = "\n".join(block.code for block in blocks if block.reason_not_run is None)
    for package, sign in NEEDS.items():
        if sign in code:
            pytest.importorskip(package)
    if code:
        run_python(RUNNER, path, env={"MPLBACKEND": "agg"}, check=True)


def test_pages_and_notebooks_are_found_and_in_the_navigation():
    assert len(PAGES) >= 15 and len(NOTEBOOKS) == 3
    listed = set(re.findall(r"^ +- [^:\n]+: ([\w/]+\.md)$", (DOCS / "site" / "mkdocs.yml").read_text(), re.M))
    pages = {path.name for path in PAGES if path.parent == DOCS}
    assert listed - {"index.md"} == (pages - {"index.md"}) | {f"notebooks/{path.stem}.md" for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_compile_and_are_kept_without_outputs(path, code_blocks):
    text = path.read_text(encoding="utf-8")
    blocks = code_blocks.blocks_of_notebook(text)
    assert len(blocks) > 10
    for block in blocks:
        compile(block.code, f"{path.name}, cell {block.line}", "exec")
    cells = json.loads(text)["cells"]
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


PAGE = """
```python
n = 20
print(f"{n} digits,\\t{n / 3}")
```

```text
20 digits, 6.6...
```

<!-- not run: it ends the process -->
```python
raise SystemExit
```

```python
assert n == 20  # the same namespace
```
"""


def test_blocks_of_a_page(code_blocks):
    first, second, third = code_blocks.blocks_of_page(PAGE)
    assert (first.line, first.output, first.reason_not_run) == (3, "20 digits, 6.6...\n", None)
    assert second.reason_not_run == "it ends the process" and second.output is None
    assert third.code.startswith("assert n") and third.line == PAGE[: PAGE.index("assert")].count("\n") + 1


@pytest.mark.parametrize(
    ("changed", "to", "error"),
    [
        ("6.6...", "6.6...", None),
        ("6.6...", "6.5...", "line 3: expected"),
        ("n == 20", "n == 21", r'page\.md", line 17'),
        ("<!-- not run: it ends the process -->\n", "", None),  # the process ends, without an error
        ("\n```python\nassert", "\n  ```python\nassert", "3 Python fences but 2 blocks"),
        ("\n```python\nassert", "\n```py\nassert", "3 Python fences but 2 blocks"),
    ],
)
def test_a_wrong_page_is_an_error(changed, to, error, run_python, tmp_path):
    assert changed in PAGE
    (tmp_path / "page.md").write_text(PAGE.replace(changed, to))
    done = run_python(RUNNER, "page.md")
    assert (done.returncode == 0) == (error is None)
    if error:
        assert re.search(error, done.stderr)


def test_magics_are_left_out(code_blocks):
    cells = [
        {"cell_type": "markdown", "source": ["text"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "x = 1\n", "x % 2"]},
    ]
    (block,) = code_blocks.blocks_of_notebook(json.dumps({"cells": cells}))
    assert block.code == "x = 1\nx % 2\n" and block.line == 1
