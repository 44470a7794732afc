"""Trainings and runs from Python."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, small

import hourglass


def test_a_run_has_figures_and_files(run):
    assert run.status == "finished"
    assert run.config["data"]["dataset"] == "array"
    assert run.config["train"]["epochs"] == 2
    assert run.summary["epochs"] == 2
    assert list(run.metrics["epoch"]) == [1, 2]
    assert run.metrics["train/loss"].is_monotonic_decreasing
    assert (run.folder / "report.html").is_file()
    assert "<iframe" in run._repr_html_() and "Reconstructions" in run._repr_html_()
    assert repr(run).startswith("hourglass.Run(")


def test_pictures_go_in_and_out(run, digits):
    pictures = digits[0][:20]
    codes = run.encode(pictures)
    assert codes.shape == (20, run.code_size) and codes.dtype == np.float32
    restored = run.reconstruct(pictures)
    assert restored.shape == pictures.shape and 0 <= restored.min() and restored.max() <= 1
    np.testing.assert_allclose(run.decode(codes), restored, atol=1e-5)
    assert run.encode(pictures, layer="0").shape == (20, 32)
    # Whole 255ths are the same pictures, in any type, order and stride.
    for same in (
        pictures / 255,
        (pictures / 255).astype(np.float32),
        pictures.astype(np.int64),
        np.asfortranarray(pictures),
        np.repeat(pictures, 2, axis=0)[::2],
        (pictures / 255).astype(">f8"),
        pictures.tolist(),
    ):
        np.testing.assert_array_equal(run.encode(same), codes)
    pandas_free = run.score(pictures, "mse")
    assert pandas_free.shape == (20,) and pandas_free.dtype == np.float64
    by_hand = ((pictures / 255 - restored) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(pandas_free, by_hand, rtol=1e-4)


def test_scores_compare_with_the_runs_own_data(run, digits):
    noise = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    usual, odd = run.score(digits[0][:50]), run.score(noise)
    assert odd.min() > np.median(usual)
    other = hourglass.Run(run.folder)
    with pytest.raises(hourglass.UsageError, match="give the array again"):
        other.score(noise)
    with pytest.raises(hourglass.UsageError, match="SHA-256|differ|trained"):
        other.score(noise, data=digits[0][:500])
    pictures, labels = digits
    labelled = hourglass._arrays.array("data", pictures, labels)
    np.testing.assert_allclose(other.score(noise, data=labelled), odd)


def test_the_program_knows_a_run_on_an_array(run, digits, here):
    np.save("x.npy", digits[0][:4])
    told = program("evaluate", run.folder)
    assert told.returncode != 0 and "array in memory" in told.stderr
    told = program("inspect", run.folder)
    assert told.returncode == 0, told.stderr


def test_tables_are_in_their_own_units(table, here):
    run = hourglass.train(small(epochs=40, code_size=2), table)
    restored = run.reconstruct(table)
    assert restored.shape == table.shape
    spread = table.std(axis=0)
    assert (((restored - table) / spread) ** 2).mean() < 0.1
    holes = table.copy()
    holes[0, 1] = np.nan
    filled = run.restore(holes)
    assert np.isfinite(filled).all()
    np.testing.assert_allclose(filled[1:], table[1:], rtol=1e-4)
    assert abs(filled[0, 1] - table[0, 1]) < 2 * spread[1]


def test_a_frame_gives_names_to_columns(table, here):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table, columns=list("abcdef"))
    run = hourglass.train(small(), frame)
    frame.to_csv("same.csv", index=False)
    np.testing.assert_allclose(run.encode("same.csv"), run.encode(frame), atol=1e-5)
    with pytest.raises(hourglass.UsageError, match='column "g" holds'):
        hourglass.train(small(), frame.assign(g="text"))


def test_a_second_array_is_tested_with(digits, here):
    pictures, labels = digits
    run = hourglass.train(small(), pictures[:400], labels[:400], test=pictures[400:], test_labels=labels[400:])
    assert run.config["data"]["test"] is None
    assert json.loads((run.folder / "env.json").read_text())["test_images"] == 200


def test_named_data_sets_and_files_train_too(here):
    config = small()
    config["data"] = {"dataset": "mnist", "limit": 200, "validation": 50}
    assert hourglass.train(config, quick=True).status == "finished"
    (here / "mine.json").write_text(json.dumps(config))
    run = hourglass.train(here / "mine.json", quick=True)
    assert run.folder.name == "mine"
    both = run.compare(here / "runs" / "run")
    assert len(both) == 2


def test_an_array_replaces_the_data_of_a_file(digits, here):
    config = {**small(), "data": {"dataset": "mnist"}}
    (here / "mine.json").write_text(json.dumps(config))
    run = hourglass.train(str(here / "mine.json"), digits[0])
    assert run.config["data"]["dataset"] == "array"
    assert config["data"] == {"dataset": "mnist"}


def test_epochs_are_told_and_a_run_goes_on_bit_for_bit(digits, here):
    pictures = digits[0]
    rows = []
    whole = hourglass.train(small(epochs=3), pictures, name="whole", on_epoch=rows.append)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    part = hourglass.train(small(epochs=3), pictures, name="part", on_epoch=lambda row: False)
    assert part.status == "interrupted"
    with pytest.raises(hourglass.UsageError, match="no figures yet"):
        part.summary
    with pytest.raises(hourglass.UsageError, match="give the array again"):
        hourglass.resume(part.folder)
    done = hourglass.resume(part.folder, pictures)
    assert done.status == "finished"
    np.testing.assert_array_equal(done.encode(pictures), whole.encode(pictures))
    more = hourglass.resume(done, changes={"train.epochs": 4})
    assert more.summary["epochs"] == 4


def test_an_exception_of_a_listener_is_raised(digits, here):
    def fails(row):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        hourglass.train(small(epochs=3), digits[0], on_epoch=fails)


def test_ctrl_c_saves_and_raises(here):
    script = """
import os, signal, sys, threading
import numpy as np
import hourglass
pictures = np.zeros((2000, 28, 28), np.uint8)
threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
config = {"model": {"kind": "dense", "layers": [64], "code_size": 4}, "train": {"epochs": 100000}}
try:
    hourglass.train(config, pictures)
except KeyboardInterrupt as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert "saved; continue with hourglass.resume" in told.stdout, told.stderr
    assert hourglass.Run("run").status == "interrupted"


def test_other_threads_run_meanwhile(digits, here):
    import threading

    counted = []
    stop = threading.Event()

    def count():
        while not stop.wait(0.001):
            counted.append(1)

    thread = threading.Thread(target=count)
    thread.start()
    hourglass.train(small(epochs=5), digits[0])
    stop.set()
    thread.join()
    assert len(counted) > 20


def test_a_forked_process_is_told_and_does_not_wait(run, digits):
    import multiprocessing

    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork")
    run.encode(digits[0][:2])
    with multiprocessing.get_context("fork").Pool(1) as pool:
        answer = pool.apply_async(_encoded, (str(run.folder), digits[0][:2]))
        assert "forked" in answer.get(timeout=60)


def _encoded(folder, pictures):
    try:
        hourglass.Run(folder).encode(pictures)
    except hourglass.HourglassError as error:
        return str(error)
    return "done"


def test_the_program_is_the_same_in_three_ways():
    version = program("--version")
    assert version.returncode == 0 and version.stdout.startswith("hourglass ")
    unknown = program("trian")
    assert unknown.returncode == 2 and "train" in unknown.stderr
    script = subprocess.run(["hourglass", "--version"], capture_output=True, text=True)
    assert script.stdout == version.stdout
    assert "completions" in program("--help").stdout


def test_importing_is_quick_and_needs_no_numpy():
    code = "import sys, hourglass; assert 'numpy' not in sys.modules; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_schema_is_that_of_the_repository():
    assert hourglass.schema() == json.loads((ROOT / "configs/schema.json").read_text())


def program(*words):
    command = [sys.executable, "-m", "hourglass", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)
