from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from meanfield.errors import InvalidInput
from meanfield.montecarlo.simulate import simulate
from meanfield.networks.block import mlp

run = partial(simulate, mlp("tanh", 1.5, 0.1), 3, 24, networks=6, c=0.5)


def same(a, b):
    return all(np.array_equal(a.raw[name], b.raw[name]) for name in a.raw)


def submitted(function, items):
    """Futures in place of results, as dask's Client.map returns."""
    with ThreadPoolExecutor(2) as pool:
        return [pool.submit(function, item) for item in items]


@pytest.mark.parametrize("workers", [2, 3, -1, map, submitted])
def test_results_do_not_depend_on_the_workers(workers):
    assert same(run(rng=7), run(rng=7, workers=workers))


def test_an_executors_map_will_do():
    with ThreadPoolExecutor(2) as pool:
        assert same(run(rng=7), run(rng=7, workers=pool.map))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the cluster's own libraries
def test_a_dask_clusters_map_will_do():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        assert same(run(rng=7), run(rng=7, workers=client.map))


def test_joblib_will_do():
    joblib = pytest.importorskip("joblib")

    def by_joblib(function, items):
        return joblib.Parallel(n_jobs=2)(joblib.delayed(function)(item) for item in items)

    assert same(run(rng=7), run(rng=7, workers=by_joblib))


def test_seeds_of_every_kind_mean_the_same():
    seed = run(rng=3)
    assert same(seed, run(rng=np.random.default_rng(3)))
    assert same(seed, run(rng=np.random.SeedSequence(3)))
    assert not same(seed, run(rng=4))
    assert not same(run(rng=None), run(rng=None))


def test_a_generator_moves_on_and_the_global_state_does_not():
    np.random.seed(0)  # noqa: NPY002 - to see that nobody touches it
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    generator = np.random.default_rng(0)
    assert not same(run(rng=generator), run(rng=generator))
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_an_error_in_a_worker_arrives():
    with pytest.raises(InvalidInput, match="ZeroDivisionError"):
        run(rng=0, workers=2, weights=lambda rng, m, n: 1 / 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_is_silent_where_there_is_no_terminal(workers, capfd):
    assert same(run(rng=7), run(rng=7, progress=True, workers=workers))
    assert capfd.readouterr() == ("", "")
