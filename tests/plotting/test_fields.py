"""Figures read the declared fields of results and nothing else: any object with these fields can be drawn."""

import numpy as np
import pytest

import meanfield as mf
from meanfield.plotting import (
    fields,
    plot_activation,
    plot_critical_lines,
    plot_crosscheck,
    plot_decay,
    plot_depth_scales,
    plot_phase_diagram,
    plot_propagation,
    plot_signal,
    plot_variance_map,
)

SIGMA_W = np.linspace(1.0, 2.0, 5)


def only(protocol, result):
    """An object of a new type with the members of the protocol, as `result` has them, and no others."""
    names = {*vars(protocol), *getattr(protocol, "__annotations__", {})}
    attributes = {name: getattr(result, name) for name in names if not name.startswith("_")}
    if "__len__" in names:
        attributes["__len__"] = lambda self: len(result)
    if "__call__" in names:
        attributes["__call__"] = lambda self, x: result(x)
    methods = {name: value for name, value in attributes.items() if name.startswith("__")}
    thing = type("Only", (), methods)()
    for name in attributes.keys() - methods.keys():
        setattr(thing, name, attributes[name])
    return thing


def draw_signal(run):
    simulation = only(fields.SimulationFields, mf.simulate("tanh", 4, 16, networks=4, c=0.5, rng=0))
    return plot_signal({"tanh": run}, simulations={"tanh": simulation})[0]


@pytest.mark.parametrize(
    ("protocol", "result", "draw"),
    [
        (fields.ActivationFields, lambda: mf.activation("relu"), plot_activation),
        (fields.FixedPointFields, lambda: mf.fixed_points(mf.mlp("tanh", 1.5, 0.3))[0],
         lambda point: plot_variance_map([0.0, 1.0], [0.1, 0.9], fixed_points=[point])),
        (fields.DepthScaleFields, lambda: mf.analyze(mf.mlp("tanh", SIGMA_W, 0.3)),
         lambda scales: plot_depth_scales(SIGMA_W, scales)),
        (fields.CriticalLineFields, lambda: mf.critical_line("tanh", [0.1, 0.2, 0.3]),
         lambda line: plot_critical_lines({"tanh": line})),
        (fields.PhaseDiagramFields, lambda: mf.phase_diagram("tanh", SIGMA_W, [0.1, 0.3]), plot_phase_diagram),
        (fields.TrajectoryFields, lambda: mf.propagate("tanh", 4, c=0.5), lambda run: plot_propagation(run)[0]),
        (fields.TrajectoryFields, lambda: mf.propagate("tanh", 4, c=0.5), lambda run: plot_decay({"tanh": run})),
        (fields.TrajectoryFields, lambda: mf.propagate("tanh", 4, c=0.5), draw_signal),
        (fields.CheckFields, lambda: mf.crosscheck("relu", 3, 32, networks=8, rng=0), plot_crosscheck),
    ],
    ids=["activation", "fixed point", "scales", "line", "diagram", "trajectory", "decay", "signal", "check"],
)  # fmt: skip
def test_a_figure_reads_the_declared_fields_only(protocol, result, draw):
    assert draw(only(protocol, result())).has_data()


def test_the_restriction_restricts():
    check = only(fields.CheckFields, mf.crosscheck("relu", 2, 16, networks=8, rng=0))
    assert not hasattr(check, "summary")
    del check.rows
    with pytest.raises(mf.InvalidInput, match="fields rows, z"):
        plot_crosscheck(check)
