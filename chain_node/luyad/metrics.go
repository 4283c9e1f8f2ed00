package main

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are luyad's own figures. CometBFT serves them beside its own at instrumentation.prometheus_listen_addr.
type metrics struct {
	height       prometheus.Gauge
	blockTime    prometheus.Gauge
	validators   prometheus.Gauge
	totalPower   prometheus.Gauge
	setInvalid   prometheus.Gauge
	setRefusals  prometheus.Counter
	deployers    prometheus.Gauge
	refused      *prometheus.CounterVec
	peersRefused prometheus.Counter
	peersDropped prometheus.Counter
	misbehaviour prometheus.Counter
}

func newMetrics() *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "luya_node_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "luya_node_" + name, Help: help})
	}
	return &metrics{
		height:      gauge("height", "Height of the last executed block."),
		blockTime:   gauge("block_time_seconds", "Time of the last executed block, Unix seconds."),
		validators:  gauge("validators", "Validators in the contract's list."),
		totalPower:  gauge("validators_power", "Total voting power in the contract's list."),
		setInvalid:  gauge("validator_set_invalid", "1 while the Validators contract holds a set that cannot be used."),
		setRefusals: counter("validator_set_refusals_total", "Validator sets refused since the start."),
		deployers:   gauge("deployers", "Addresses that may create contracts."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "luya_node_transactions_refused_total",
			Help: "Transactions refused for want of permission, by place (door: on arrival, ante: later)."}, []string{"place"}),
		peersRefused: counter("peers_refused_total", "Connections of nodes that the Validators contract does not list."),
		peersDropped: counter("peers_dropped_total", "Connections closed because the node is no longer listed."),
		misbehaviour: counter("misbehaviour_total", "Validators' misbehaviour in blocks (double signing, light client attacks)."),
	}
}

// register makes the figures visible to CometBFT's metrics server. It may be called once a process.
func (m *metrics) register() error {
	for _, c := range []prometheus.Collector{m.height, m.blockTime, m.validators, m.totalPower, m.setInvalid,
		m.setRefusals, m.deployers, m.refused, m.peersRefused, m.peersDropped, m.misbehaviour} {
		if err := prometheus.DefaultRegisterer.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *metrics) observeValidators(set []validator) {
	total := uint64(0)
	for _, v := range set {
		total += v.Power
	}
	m.validators.Set(float64(len(set)))
	m.totalPower.Set(float64(total))
}
