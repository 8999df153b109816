"""Entries of a training checkpoint that are no weights of a network: the state of its optimizer."""

import re

#: Names of the dictionaries and scopes in which optimizers keep their state.
KEPT_IN = re.compile(
    r"(.*[./])?(optim|opt|optimi[sz]ers?|opt_states?|optimi[sz]ers?_states?(_dict)?|adam\w*|nadam|sgd|rmsprop|adagrad"
    r"|adadelta|adafactor|lion|lamb|ftrl)[./].*",
    re.DOTALL | re.IGNORECASE,
)
#: Names of running averages of gradients and of their squares: torch.optim and Keras.
MOMENT = re.compile(
    r"(.*[./])?(exp_avg(_sq)?|exp_inf|max_exp_avg_sqs?|momentum_buffer|square_avg|grad_avg|acc_delta)([./].*)?"
    r"|.*_(momentum|velocity|velocity_hat|accumulator)(:\d+)?",
    re.DOTALL,
)


def why_no_weight(name: str) -> str | None:
    """The reason why an array of this name is no weight of a network; None if it may be one.

    Examples
    --------
    >>> why_no_weight("optimizer/state/0/exp_avg"), why_no_weight("model/0.weight")
    ('state of the optimizer', None)
    """
    return "state of the optimizer" if KEPT_IN.fullmatch(name) or MOMENT.fullmatch(name) else None
