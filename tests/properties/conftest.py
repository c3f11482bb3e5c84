"""Settings of the property tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Machines at hand stop for seconds at a time: neither a slow draw nor a slow example is a finding.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
