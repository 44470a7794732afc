"""Bad input: one line that names the place, and no run."""

import numpy as np
import pytest
from conftest import small

import hourglass

GOOD = np.zeros((20, 4, 4), np.uint8)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((0, 4, 4), np.uint8), "shape (0, 4, 4)"),
        (np.zeros(5), "shape (5,)"),
        (np.float64(3), "shape ()"),
        (np.zeros((2, 3, 4, 5)), "shape (2, 3, 4, 5)"),
        (np.zeros((2, 2, 2, 2, 2), np.uint8), "allowed: (samples, columns)"),
        (np.full((4, 3), np.inf), "an infinity at [0, 0]"),
        (np.full((4, 2, 2), 0.3), "found 0.3 at [0, 0, 0]"),
        (np.full((4, 2, 2), np.nan), "found NaN"),
        (np.full((4, 2, 2), 300), "values from 300 to 300"),
        (np.zeros((4, 3), complex), "type complex128"),
        (np.array([["a"]]), "type <U1"),
        (np.array([[None]]), "type object"),
        ([[1, 2], [3]], "not an array"),
        ({"a": 1}, "type object"),
        (np.zeros((1, 3)), "found 1 sample; needs 2"),
    ],
)
def test_arrays_that_are_no_data(data, words, here):
    with pytest.raises(hourglass.UsageError) as told:
        hourglass.train(small(), data)
    assert words in str(told.value) and "\n" not in str(told.value)
    assert isinstance(told.value, ValueError)
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": {"epochs": "ten"}}, 'config: train.epochs: found "ten"'),
        ({"train": {"epochs": 0}}, "config: train.epochs: found 0"),
        ({"train": {"epoch": 3}}, "config: train.epoch: unknown key"),
        ({"model": {"kind": "dens", "layers": [], "code_size": 1}}, "config: model.kind"),
        ({"train": {"learning_rate": float("nan")}}, "config: "),
        ({"train": {1, 2}}, "config: found a set"),
        ({"data": {"dataset": "array", "test": 1.5}}, "config: data.test: found 1.5"),
        ({"data": {"dataset": "array", "validation": 18}}, "config: data.validation: found 18"),
        ({"data": {"dataset": "array", "test": None}}, "config: data.test: found null"),
        ({"sweep": {"seed": [1, 2]}}, "config: sweep"),
    ],
)
def test_configs_that_are_none(change, words, here):
    with pytest.raises(hourglass.UsageError) as told:
        hourglass.train({**small(), **change}, GOOD)
    assert str(told.value).startswith(words), told.value
    assert not (here / "runs").exists()


def test_all_faults_of_a_config_are_told(here):
    with pytest.raises(hourglass.UsageError) as told:
        hourglass.train({"model": {"kind": "dense"}, "train": {"epochs": -1}}, GOOD)
    assert len(str(told.value).splitlines()) >= 2


def test_numbers_of_numpy_are_numbers(here):
    config = small()
    config["train"]["epochs"] = np.int64(1)
    config["model"]["layers"] = np.array([8])
    assert hourglass.train(config, GOOD).summary["epochs"] == 1


def test_rows_are_not_augmented(here):
    config = {**small(), "data": {"dataset": "array", "augment": {"flip": True}}}
    with pytest.raises(hourglass.UsageError, match="config: data.augment"):
        hourglass.train(config, np.random.default_rng(0).normal(size=(20, 3)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda run: run.encode(GOOD), "the model takes (samples, 28, 28)"),
        (lambda run: run.encode(np.zeros((2, 784))), "the model takes (samples, 28, 28)"),
        (lambda run: run.encode("nothing.png"), "nothing.png"),
        (lambda run: run.encode(np.zeros((2, 28, 28), np.uint8), layer="none"), "layer: found"),
        (lambda run: run.decode(np.zeros((2, 3))), "the model takes (samples, 8)"),
        (lambda run: run.decode(np.zeros(8)), "allowed: (samples, 8)"),
        (lambda run: run.decode(np.full((1, 8), np.nan)), "not finite at [0, 0]"),
        (lambda run: run.restore(np.zeros((2, 28, 28), np.uint8)), "not trained to restore"),
        (lambda run: run.score(np.zeros((2, 28, 28), np.uint8), "best"), "method: found"),
        (lambda run: hourglass.Run("nothing"), "nothing"),
        (lambda run: hourglass.train(small(), GOOD, labels=[1]), "1 labels for 20 samples"),
        (lambda run: hourglass.train(small(), GOOD, labels=np.arange(20).reshape(4, 5)), "labels: found an array of 2"),
        (lambda run: hourglass.train(small(), labels=[1]), "data: is missing"),
        (lambda run: hourglass.train(3, GOOD), "config: found a int"),
        (lambda run: hourglass.train({**small(), "data": {"dataset": "array"}}), "no array was given"),
        (lambda run: hourglass.train(small(), GOOD, name="../up"), "name: found"),
        (lambda run: hourglass.train("missing.json", GOOD), "missing.json"),
        (lambda run: hourglass.train(small(), GOOD, test=np.zeros((3, 5, 5), np.uint8)), "the model takes (samples, 4, 4)"),
    ],
)
def test_calls_that_cannot_be(run, call, words, here):
    with pytest.raises(hourglass.UsageError) as told:
        call(run)
    assert words in str(told.value) and "\n" not in str(told.value), told.value


def test_a_loss_that_is_not_finite_is_told(here):
    config = small(epochs=3)
    config["train"].update({"learning_rate": 1e20, "optimizer": "sgd"})
    with pytest.raises(hourglass.HourglassError, match="diverged") as told:
        hourglass.train(config, np.random.default_rng(0).normal(size=(200, 5)))
    assert not isinstance(told.value, ValueError)
