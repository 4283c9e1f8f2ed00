"""An auditor's metrics for Prometheus, on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chain_node.auditor.settings import Counts
from chain_node.errors import AuditorError

NAMES: Final[Mapping[str, str]] = {
    "luya_auditor_alarm": "1 from the first difference on, until it is acknowledged",
    "luya_auditor_alarm_index": "Log index of the first difference; -1 where there is none",
    "luya_auditor_size": "Entries checked and kept",
    "luya_auditor_block": "Newest block that was checked",
    "luya_auditor_final_block": "Newest final block of the endpoint",
    "luya_auditor_sealed": "1 once the import phase is over; before that no signature and no state is checked",
    "luya_auditor_batches_total": "Batches checked since the start",
    "luya_auditor_words_total": "Storage words compared since the start",
    "luya_auditor_comparisons_total": "Comparisons of state since the start",
    "luya_auditor_checkpoints_total": "Checkpoints of the operator that were checked since the start",
    "luya_auditor_contradictions_total": "What the endpoint said once and not again, since the start",
}


class AuditorMetrics(Collector):
    """Reads an auditor's counts when asked.

    Attributes:
        alarm_index: of the alarm, -1 where there is none.
    """

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self.alarm_index = -1

    def collect(self) -> Iterator[Metric]:
        """All of `NAMES`."""
        counts = self._counts
        gauges = {
            "luya_auditor_alarm": int(self.alarm_index >= 0),
            "luya_auditor_alarm_index": self.alarm_index,
            "luya_auditor_size": counts.size,
            "luya_auditor_block": counts.block,
            "luya_auditor_final_block": counts.final,
            "luya_auditor_sealed": int(counts.sealed),
        }
        for name, value in gauges.items():
            yield GaugeMetricFamily(name, NAMES[name], value=value)
        counters = {
            "luya_auditor_batches_total": counts.batches,
            "luya_auditor_words_total": counts.words,
            "luya_auditor_comparisons_total": counts.comparisons,
            "luya_auditor_checkpoints_total": counts.checkpoints,
            "luya_auditor_contradictions_total": counts.contradictions,
        }
        for name, value in counters.items():
            yield CounterMetricFamily(name, NAMES[name], value=value)

    def serve(self, port: int) -> None:
        """Answer at http://127.0.0.1:port/metrics from now on.

        Raises:
            AuditorError: the port is in use.
        """
        registry = CollectorRegistry()
        registry.register(self)
        try:
            start_http_server(port, addr="127.0.0.1", registry=registry)
        except OSError as error:
            raise AuditorError(f"metrics cannot be served on port {port}: {error.strerror or error}") from error
