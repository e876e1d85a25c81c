"""Adds to the site what is not a page in docs/: pictures drawn by the code of pages, notebooks with their results, and
the API reference. A page that would load something from the network stops the build."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from api_pages import reference_pages
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from nbconvert.preprocessors import CoalesceStreamsPreprocessor

DOCS = Path(__file__).resolve().parent.parent
RUNNER = Path(__file__).with_name("code_blocks.py")
STYLE = Path(__file__).with_name("site.css")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([\w./-]+\.png)\)")
_LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?https?:|<link\b[^>]*\bhref=[\"']?https?:", re.I)
_CELL_SECONDS = 120


def on_config(config):
    """Lists the pages of the reference in the navigation."""
    entries = {key: value for entry in config.nav for key, value in entry.items()}
    entries["API reference"] = [{title: f"reference/{name}.md"} for name, (title, _) in reference_pages().items()]
    config.nav = [{key: value} for key, value in entries.items()]
    return config


def on_files(files: Files, config) -> Files:
    files.append(File.generated(config, "site.css", content=STYLE.read_text(encoding="utf-8")))
    for path in sorted(DOCS.glob("*.md")):
        for name, content in drawn_pictures(path).items():
            files.append(File.generated(config, name, content=content))
    for path in sorted((DOCS / "notebooks").glob("*.ipynb")):
        for name, content in converted_notebook(path).items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    for name, (_, text) in reference_pages().items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def drawn_pictures(page: Path) -> dict[str, bytes]:
    """The pictures that a page shows and its code saves: the code is run in an empty folder."""
    wanted = [name for name in _PICTURE.findall(page.read_text(encoding="utf-8")) if not (DOCS / name).exists()]
    if not wanted:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, RUNNER, page], cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise PluginError(f"the code of {page.name} fails:\n{done.stderr}")
        missing = [name for name in wanted if not Path(folder, name).exists()]
        if missing:
            raise PluginError(f"{page.name} shows {missing}, which its code does not save")
        return {name: Path(folder, name).read_bytes() for name in wanted}


def converted_notebook(path: Path) -> dict[str, str | bytes]:
    """A notebook, run in an empty folder, as a page and its pictures (file names -> contents)."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=_CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    exporter = MarkdownExporter()
    exporter.register_preprocessor(CoalesceStreamsPreprocessor, enabled=True)
    text, resources = exporter.from_notebook_node(
        notebook, resources={"output_files_dir": ".", "unique_key": path.stem}
    )
    link = f'<a href="{path.name}" download>Download this notebook.</a> Its results below are those of the last build.'
    title, _, rest = text.partition("\n")
    return {f"{path.stem}.md": f"{title}\n\n{link}\n{rest}", **resources["outputs"]}


def on_post_page(output: str, page, config) -> str:
    found = _LOADED.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} loads from the network: {found[0]}")
    return output
