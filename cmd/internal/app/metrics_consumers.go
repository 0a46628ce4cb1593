package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/duolog/duolog/adapters/stream/group"
)

// consumerCollector tells Prometheus how far named consumers are. One that stands still must not look healthy, so when it
// asked last and when it acknowledged last stand beside how far behind it is.
type consumerCollector struct{ groups *group.Groups }

func consumerDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("duolog_consumer_"+name, help, []string{"consumer"}, nil)
}

var (
	consumerLag      = consumerDesc("lag_positions", "Events the consumer has not acknowledged.")
	consumerAge      = consumerDesc("age_seconds", "Age of the first event it has not acknowledged.")
	consumerParked   = consumerDesc("parked_events", "Events it put aside.")
	consumerPolled   = consumerDesc("poll_age_seconds", "Since a member asked last.")
	consumerAdvanced = consumerDesc("advance_age_seconds", "Since something was acknowledged last.")
)

// Describe implements prometheus.Collector.
func (consumerCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{consumerLag, consumerAge, consumerParked, consumerPolled, consumerAdvanced} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is left out.
func (c consumerCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	all, err := c.groups.List(ctx)
	if err != nil {
		return
	}
	for _, i := range all {
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, i.Name)
		}
		gauge(consumerLag, float64(i.Lag))
		gauge(consumerAge, i.Age.Seconds())
		gauge(consumerParked, float64(i.Parked))
		gauge(consumerAdvanced, time.Since(i.AdvancedAt).Seconds())
		if !i.PolledAt.IsZero() {
			gauge(consumerPolled, time.Since(i.PolledAt).Seconds())
		}
	}
}
