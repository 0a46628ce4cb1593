package app

import (
	"testing"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

func TestConsumersAreMeasured(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			_, err := log.Append(t.Context(), eventstore.NewEvent{
				ID: ulid.Make(), Stream: "connection", Type: domain.SyncPaused, Schema: 1, Actor: "test", Subject: eventstore.SubjectLog,
				Data: []byte(`{}`),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		g := group.New(store, log, nil)
		if err := g.Create(t.Context(), group.Spec{Name: "shop", After: 1}); err != nil {
			t.Fatal(err)
		}
		if err := g.Park(t.Context(), "shop", 2, "test"); err != nil {
			t.Fatal(err)
		}
		reg := prometheus.NewRegistry()
		reg.MustRegister(consumerCollector{g})
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		if got["duolog_consumer_lag_positions"] != 2 || got["duolog_consumer_parked_events"] != 1 || got["duolog_consumer_age_seconds"] <= 0 {
			t.Errorf("measured %v", got)
		}
	})
}
