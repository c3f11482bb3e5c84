"""What a gang takes in accelerators, and how much of its work an interruption leaves."""

from __future__ import annotations

from fractions import Fraction

from stellwerk.api.labels import ANY_MODEL
from stellwerk.model.placement import PlacedAccelerator, Placement
from stellwerk.model.workload import AcceleratorOption, Workload

Number = Fraction | int


def per_pod(option: AcceleratorOption | None) -> Number:
    """Return how many accelerators one pod takes with one alternative; a pod without any counts as one.

    Whole numbers but for shares; what a share by memory takes depends on the pool, so it counts as one.
    """
    if option is None:
        return 1
    return option.count if option.share_milli is None else Fraction(option.share_milli, 1000)


def option_given(options: tuple[AcceleratorOption, ...], given: PlacedAccelerator | None) -> AcceleratorOption | None:
    """Return the alternative with which pods were placed, None if they have none."""
    if given is None or not options:
        return None
    alike = [one for one in options if one.count == given.count and one.model in (given.model, ANY_MODEL)]
    return (alike or list(options))[0]


def held(workload: Workload, placement: Placement) -> Number:
    """Return how many accelerators a placed gang holds, all of its pod sets together."""
    options = {one.name: one.accelerators for one in workload.others}
    main = per_pod(option_given(workload.accelerators, placement.accelerator)) * placement.replicas
    return main + sum(
        per_pod(option_given(options.get(one.name, ()), one.accelerator)) * one.replicas for one in placement.pod_sets
    )


def lost_seconds(ran: int, checkpoint_interval_s: int | None) -> Fraction:
    """Return how many of the `ran` seconds of work are lost on average if it is stopped now.

    Half a checkpoint interval (J. W. Young, see `economics.cost.interruption_hours`), half of what has been done
    where that is less, and all of it where there are no checkpoints.
    """
    return Fraction(ran) if checkpoint_interval_s is None else Fraction(min(ran, checkpoint_interval_s), 2)
