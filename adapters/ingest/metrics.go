package ingest

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what came by webhook.
type Metrics struct {
	deliveries *prometheus.CounterVec
	items      *prometheus.CounterVec
}

// NewMetrics returns the metrics, registered unless reg is nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "duolog_webhook_deliveries_total", Help: "Webhook requests by the status answered.",
		}, []string{"connection", "system", "status"}),
		items: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "duolog_webhook_items_total", Help: "Events in accepted webhooks by what became of them.",
		}, []string{"connection", "system", "result"}),
	}
	if reg != nil {
		reg.MustRegister(m.deliveries, m.items)
	}
	return m
}

func (in *Ingest) delivered(status int) {
	in.cfg.Metrics.deliveries.WithLabelValues(in.Connection(), string(in.System()), strconv.Itoa(status)).Inc()
}

func (in *Ingest) count(r Receipt) {
	for result, n := range map[string]int{
		"stored": r.Stored, "duplicate": r.Duplicates, "raw": r.Raw, "parked": r.Parked, "unknown": r.Unknown,
		"ignored": r.Ignored,
	} {
		if n > 0 {
			in.cfg.Metrics.items.WithLabelValues(in.Connection(), string(in.System()), result).Add(float64(n))
		}
	}
}
