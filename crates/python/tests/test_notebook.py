"""The notebook runs from its first cell to its last."""

import pytest
from conftest import ROOT

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")


def test_the_notebook_runs(tmp_path):
    notebook = nbformat.read(ROOT / "docs/notebooks/quickstart.ipynb", as_version=4)
    for cell in notebook.cells:
        # As it stands, from the folder of the notebook, but with its runs elsewhere and a few epochs.
        cell.source = cell.source.replace("EPOCHS = 10", "EPOCHS = 1").replace('RUNS = "runs"', f"RUNS = {str(tmp_path)!r}")
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(ROOT / "docs/notebooks")}})
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("text/html" in output.get("data", {}) for output in shown)
