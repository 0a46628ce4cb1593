package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector tells Prometheus what dispatch, outbox and projections do, asked at each scrape.
type collector struct{ *engine }

var (
	commandsDesc = prometheus.NewDesc("duolog_commands_total", "Commands settled in this process.", []string{"system", "result"}, nil)
	waitingDesc  = prometheus.NewDesc("duolog_outbox_rows", "Commands in the outbox.", []string{"system", "state"}, nil)
	lagDesc      = prometheus.NewDesc("duolog_projection_lag_positions", "Events not yet folded.", []string{"projection"}, nil)
	pollDesc     = prometheus.NewDesc("duolog_projection_poll_age_seconds", "Since the projection last looked.", []string{"projection"}, nil)
	driftDesc    = prometheus.NewDesc("duolog_sweep_drift_records", "Records the last sweep found new, gone or different though nobody had told.", []string{"system"}, nil)
	lookedDesc   = prometheus.NewDesc("duolog_sweep_looked_records", "Records the last sweep looked at.", []string{"system"}, nil)
	oddDesc      = prometheus.NewDesc("duolog_sweep_unexplained_fields", "Fields the last sweep saw differ though no decision says so.", []string{"system"}, nil)
	sweepDesc    = prometheus.NewDesc("duolog_sweep_age_seconds", "Since the last sweep that was told began.", []string{"system"}, nil)
	advanceDesc  = prometheus.NewDesc("duolog_projection_advance_age_seconds", "Since the projection last moved.", []string{"projection"}, nil)
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{commandsDesc, waitingDesc, lagDesc, pollDesc, advanceDesc, driftDesc, lookedDesc, oddDesc, sweepDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is left out.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for sys, n := range c.metrics.Snapshot() {
		for result, v := range map[string]int64{
			"applied": n.Applied, "partly": n.Partly, "rejected": n.Rejected, "superseded": n.Superseded, "dead": n.Dead,
		} {
			ch <- prometheus.MustNewConstMetric(commandsDesc, prometheus.CounterValue, float64(v), string(sys), result)
		}
	}
	if rows, err := c.outboxCounts(ctx); err == nil {
		for _, r := range rows {
			ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(r.Rows), string(r.System), r.State)
		}
	}
	c.sweeps(ch)
	if all, err := c.Runner.Status(ctx); err == nil {
		for _, s := range all {
			ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(s.Lag), s.Name)
			ch <- prometheus.MustNewConstMetric(pollDesc, prometheus.GaugeValue, s.PollAge.Seconds(), s.Name)
			ch <- prometheus.MustNewConstMetric(advanceDesc, prometheus.GaugeValue, s.AdvanceAge.Seconds(), s.Name)
		}
	}
}

func (c *collector) sweeps(ch chan<- prometheus.Metric) {
	for sys, s := range c.control.Load().Swept {
		ch <- prometheus.MustNewConstMetric(driftDesc, prometheus.GaugeValue, float64(s.Drift), string(sys))
		ch <- prometheus.MustNewConstMetric(lookedDesc, prometheus.GaugeValue, float64(s.Looked), string(sys))
		ch <- prometheus.MustNewConstMetric(oddDesc, prometheus.GaugeValue, float64(s.Unexplained), string(sys))
		ch <- prometheus.MustNewConstMetric(sweepDesc, prometheus.GaugeValue, c.now().Sub(time.UnixMicro(s.At)).Seconds(), string(sys))
	}
}

// Version is the version of this build.
func Version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "devel"
}

func randomText() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
