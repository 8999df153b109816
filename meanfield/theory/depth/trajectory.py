"""What infinitely wide layers do to signals and gradients, layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from meanfield._types import Axes, Floats
from meanfield.reports.nonfinite import Explained, Reasons
from meanfield.reports.numbers import numbers, thinned
from meanfield.reports.report import Report, Table

__all__ = ["Trajectory"]

MEANING = "chi: growth of squared gradients in the block that begins there; gradient: relative to the last layer"


@dataclass(frozen=True, repr=False)
class Trajectory(Explained):
    """What infinitely wide layers do to a signal; every array's first axis is the layer, 0 … depth.

    Attributes
    ----------
    q : ndarray
        Second moment of the (first) input's signal.
    c, one_minus_c : ndarray or None
        Correlation of the two inputs' signals, and 1 − c to full relative precision; None if only one input was
        asked for.
    chi : ndarray
        Growth factor of the squared gradient across the block that begins at this layer. At the last layer one more
        block begins.
    gradient : ndarray
        Mean squared gradient at this layer over the mean squared gradient at the last layer: the product of `chi` from
        here on, times the ratio of the widths where they differ.
    q_band, gradient_band : ndarray or None, shape (2, depth + 1)
        Where |h|²/n and the squared gradient of one network of the given `width` lie within one standard deviation of
        their logarithms, to first order in 1/width: lower and upper end. |h|²/n is exactly `q` at layer 0.
    band_reason : str
        Why there is no band, where one is None.
    token_c, one_minus_token_c : ndarray or None
        Correlation of two tokens of one sequence, and 1 − token_c to full relative precision; None without tokens. `c`
        is then the correlation of tokens at the same place of two sequences, and `gradient` of each token, for
        gradients at the last layer that are independent between tokens.
    mean : ndarray or None
        Mean over units of the (first) input's signal, which is 0 at layer 0 and behind Dense layers; None where pixels
        or tokens are followed.
    not_finite : dict of str to ndarray of str
        Why numbers are infinite or nan: by field, a reason or "" for each entry. Fields that are finite everywhere are
        left out.
    """

    q: Floats
    c: Floats | None
    one_minus_c: Floats | None
    chi: Floats
    gradient: Floats
    q_band: Floats | None = None
    gradient_band: Floats | None = None
    band_reason: str = "bands need the width of the layers"
    token_c: Floats | None = None
    one_minus_token_c: Floats | None = None
    mean: Floats | None = None

    def reasons(self) -> Mapping[str, Reasons]:
        """Why numbers may be infinite or nan, by field."""
        beyond = (~np.isfinite(self.q), "q exceeds the range of a float")
        undirected = [beyond, (self.q == 0, "q is 0, so there is no correlation")]
        return {
            "q": [beyond],
            "c": undirected,
            "one_minus_c": undirected,
            "token_c": undirected,
            "one_minus_token_c": undirected,
            "chi": [
                beyond,
                (np.isnan(self.chi), "means over pixels that differ do not tell what one more block would do"),
                (True, "the activation jumps, so squared gradients are infinite"),
            ],
            "gradient": [(True, "chi is not finite in a layer from here on, or their product exceeds a float")],
        }

    def report(self) -> Report:
        """A table of about twenty layers; ranges where there are several networks."""
        mean = self.mean if self.mean is not None and np.any(self.mean) else None
        named = {"q": self.q, "mean": mean, "c": self.c, "1 - c": self.one_minus_c, "token_c": self.token_c}
        named |= {"chi": self.chi, "gradient": self.gradient}
        columns = {name: values for name, values in named.items() if values is not None}
        rows = tuple(
            (str(layer), *(numbers(values[layer]) for values in columns.values())) for layer in thinned(len(self.q) - 1)
        )
        return [Table(("layer", *columns), rows), MEANING, *self.why()]

    def plot(
        self, ax: Axes = None, *, quantity: str | None = None, label: str | None = None, title: str | None = None
    ) -> Axes:
        """Draw q, c (of two inputs), token_c and gradient by layer, or one `quantity`; returns the Axes.

        Parameters
        ----------
        ax : Axes or sequence of Axes, optional
            As many as there are quantities; None makes a figure.
        quantity : str, optional
            Only this one: "q", "mean", "c", "one_minus_c", "token_c", "one_minus_token_c", "chi" or "gradient".
        label, title : str, optional
            Name of the line in a legend; text above the first Axes.
        """
        from meanfield.plotting.axes import named
        from meanfield.plotting.trajectory import plot_propagation, plot_quantity

        look = {} if label is None else {"label": label}
        bands = self.q_band is not None or self.gradient_band is not None
        if quantity is not None:
            return named(plot_quantity(self, quantity, ax, bands=bands, **look), label, title)
        return named(plot_propagation(self, ax, bands=bands, **look), label, title)
