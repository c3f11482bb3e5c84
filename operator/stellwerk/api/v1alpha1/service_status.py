"""Status of an AIWorkload: what it has had so far."""

from __future__ import annotations

from typing import Annotated

from stellwerk.api.base import MAX_COUNTER, WireModel, doc


class ServiceStatus(WireModel):
    """What the workload had before its pods last stopped or changed in number."""

    accelerator_seconds: Annotated[
        int,
        doc(
            "Accelerators times the seconds that the pods ran; a gang without accelerators counts its pods. The time"
            " since they last became ready is added once that ends.",
            14400,
            ge=0,
            le=MAX_COUNTER,
        ),
    ] = 0
    lost_seconds: Annotated[
        int,
        doc(
            "Accelerator-seconds of these whose work was lost: all without checkpointInterval, else half an interval"
            " on average each time that it was stopped.",
            900,
            ge=0,
            le=MAX_COUNTER,
        ),
    ] = 0
