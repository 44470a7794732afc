"""Trains a run that is tracked by a real MLflow server on this machine, and compares what that has with the run's folder.

    python3 tests/mlflow/check.py PROGRAM

PROGRAM is the built `hourglass`. Needs the package `mlflow` from PyPI. Exits with 1 and a line that says what differs.
"""

import json
import math
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import mlflow

# A first start of the server sets up its database.
START_SECONDS = 120


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url):
    for _ in range(START_SECONDS):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"{url}: the server does not start")


def compare(url, folder):
    mlflow.set_tracking_uri(url)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("hourglass")
    assert experiment, "no experiment"
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1, f"{len(runs)} runs"
    run = runs[0]
    assert run.info.status == "FINISHED", run.info.status
    assert run.info.run_name == folder.name, run.info.run_name
    config = json.loads((folder / "config.json").read_text())
    assert run.data.params["model.code_size"] == str(config["model"]["code_size"]), run.data.params
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for key in ("train/loss", "val/mse", "val/psnr", "lr"):
        found = [(it.step, it.value) for it in client.get_metric_history(run.info.run_id, key)]
        wanted = [(row["step"], row[key]) for row in rows]
        assert found == wanted, f"{key}: {found} for {wanted}"
    mse = json.loads((folder / "summary.json").read_text())["test"]["mse"]
    assert math.isclose(run.data.metrics["test/mse"], mse, rel_tol=1e-12), run.data.metrics
    names = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"report.html", "samples", "config.json", "summary.json"} <= names, names
    with tempfile.TemporaryDirectory() as place:
        for name in ("report.html", f"samples/epoch-{len(rows):04}.png"):
            got = pathlib.Path(client.download_artifacts(run.info.run_id, name, place)).read_bytes()
            assert got == (folder / name).read_bytes(), f"{name}: another content"
    return len(rows), len(run.data.params)


def main(program):
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        url = f"http://127.0.0.1:{free_port()}"
        words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", url.rsplit(":", 1)[1]]
        words += ["--backend-store-uri", f"sqlite:///{scratch}/mlflow.db", "--artifacts-destination", str(scratch / "files")]
        with open(scratch / "server.log", "w") as log:
            server = subprocess.Popen(words, stdout=log, stderr=log, cwd=scratch, start_new_session=True)
        try:
            wait_for(url)
            begin = [program, "configs/conv.json", "--quick", "--quiet", "--runs", str(scratch / "runs"), "--name", "tracked"]
            track = ["--set", f'track={{"mlflow": "{url}"}}', "--set", "train.epochs=2"]
            subprocess.run([*begin, *track], check=True)
            epochs, parameters = compare(url, scratch / "runs" / "tracked")
            print(f"{epochs} epochs and {parameters} parameters as MLflow {mlflow.__version__} has them")
        finally:
            os.killpg(server.pid, 15)
            server.wait()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except AssertionError as error:
        sys.exit(f"mlflow: {error}")
