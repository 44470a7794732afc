"""The estimators, by scikit-learn's own checks and in its pipelines."""

import pickle

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from hourglass.sklearn import Autoencoder, AutoencoderDetector


@parametrize_with_checks([Autoencoder(), AutoencoderDetector()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_codes_are_better_than_principal_components(digits):
    x = digits[0].reshape(-1, 784) / 255
    model = Autoencoder(16, image_shape=(28, 28), random_state=0).fit(x)
    restored = model.inverse_transform(model.transform(x))
    pca = PCA(16).fit(x)
    by_pca = ((pca.inverse_transform(pca.transform(x)) - x) ** 2).mean()
    assert ((restored - x) ** 2).mean() < by_pca
    np.testing.assert_allclose(model.score(x), -((restored - x) ** 2).mean(), rtol=1e-3)
    assert model.get_feature_names_out()[:2].tolist() == ["autoencoder0", "autoencoder1"]
    assert model.n_iter_ == len(model.loss_curve_) == len(model.validation_loss_curve_)


def test_bytes_come_back_as_bytes_do(digits):
    x = digits[0].reshape(-1, 784)[:200]
    model = Autoencoder(8, image_shape=(28, 28), epochs=2, random_state=0).fit(x)
    restored = model.inverse_transform(model.transform(x))
    assert restored.max() > 50
    same = Autoencoder(8, image_shape=(28, 28), epochs=2, random_state=0).fit(x / 255)
    np.testing.assert_allclose(same.transform(x / 255), model.transform(x), rtol=1e-5)


def test_convolutions_need_a_shape(digits):
    x = digits[0].reshape(-1, 784)[:100] / 255
    model = Autoencoder(4, kind="conv", layers=[4, 8], image_shape=(28, 28), epochs=1, random_state=0)
    assert model.fit_transform(x).shape == (100, 4)
    with pytest.raises(ValueError, match="image_shape"):
        Autoencoder(kind="conv", image_shape=(28, 27)).fit(x)
    with pytest.raises(ValueError, match="uint8"):
        Autoencoder(image_shape=(28, 28)).fit(255 * x)
    with pytest.raises(ValueError, match="kind: found"):
        Autoencoder(kind="linear").fit(x)


def test_a_seed_repeats_a_fit_and_a_pickle_carries_the_weights(table):
    one = Autoencoder(2, random_state=3).fit(table)
    two = clone(one).fit(table)
    other = clone(one).set_params(random_state=4).fit(table)
    np.testing.assert_array_equal(one.transform(table), two.transform(table))
    assert np.abs(one.transform(table) - other.transform(table)).max() > 1e-3
    copy = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(copy.transform(table), one.transform(table))
    np.testing.assert_array_equal(copy.inverse_transform(one.transform(table)), one.inverse_transform(one.transform(table)))


def test_a_config_wins(table):
    model = Autoencoder(config={"train": {"epochs": 3, "optimizer": "sgd"}, "model": {"activation": "tanh"}}).fit(table)
    assert model.n_iter_ == 3
    with pytest.raises(ValueError, match="config: train.epoch: unknown key"):
        Autoencoder(config={"train": {"epoch": 3}}).fit(table)


def test_pipelines_and_searches(digits):
    x, y = digits[0].reshape(-1, 784)[:300] / 255, digits[1][:300]
    steps = make_pipeline(Autoencoder(image_shape=(28, 28), epochs=10, random_state=0), LogisticRegression(max_iter=500))
    search = GridSearchCV(steps, {"autoencoder__code_size": [2, 16]}, cv=2, n_jobs=2).fit(x, y)
    assert search.best_params_ == {"autoencoder__code_size": 16}
    alone = GridSearchCV(Autoencoder(image_shape=(28, 28), random_state=0), {"code_size": [1, 16]}, cv=2).fit(x)
    assert alone.best_params_ == {"code_size": 16}


@pytest.mark.parametrize("method", ["mse", "combined"])
def test_a_detector_finds_what_lies_elsewhere(table, method):
    odd = table[:30] + np.random.default_rng(1).normal(size=(30, 6)) * table.std(axis=0) * 3
    model = AutoencoderDetector(2, contamination=0.05, method=method, random_state=0).fit(table)
    assert (model.predict(odd) == -1).mean() > 0.8
    assert (model.predict(table) == -1).mean() < 0.1
    # As PyOD has it.
    assert model.labels_.sum() == (model.decision_scores_ > model.threshold_).sum() == 15
    assert model.decision_scores_.shape == (300,)
    np.testing.assert_allclose(-model.score_samples(table), model.decision_scores_, rtol=1e-6)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(copy.decision_function(odd), model.decision_function(odd), rtol=1e-6)
    with pytest.raises(ValueError, match="contamination"):
        AutoencoderDetector(contamination=0.9).fit(table)
