"""Property tests here have no deadline: how long an example takes on a busy machine says nothing of the code."""

from hypothesis import HealthCheck, settings

settings.register_profile("oracle", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("oracle")
