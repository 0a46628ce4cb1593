package ingest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

func TestAppWideEndpointRoutesByPortal(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		one, two := newRig(t, store, "one", "1", secret), newRig(t, store, "two", "2", secret)
		alien := newRig(t, store, "alien", "3", "another app")
		router := &ingest.Router{Ring: one.ring, Ingests: func() []*ingest.Ingest {
			return []*ingest.Ingest{one.hubspot, two.hubspot, alien.hubspot}
		}}
		body := "[" + change(1, 11, `"a"`) + "," + change(2, 21, `"b"`) + "," + change(3, 31, `"c"`) + "," +
			change(9, 91, `"d"`) + `,{"no portal":1}]`
		got, err := router.Receive(t.Context(), one.signed(body))
		if err != nil {
			t.Fatal(err)
		}
		wantReceipt(t, got, ingest.Receipt{Stored: 2, Unknown: 2, Parked: 1})
		for r, want := range map[*rig]string{one: "hubspot/contact/11", two: "hubspot/contact/21", alien: ""} {
			var streams []string
			for _, e := range r.events() {
				streams = append(streams, e.Stream)
			}
			if strings.Join(streams, " ") != want {
				t.Errorf("%s holds %v, want %q", r.log.Connection(), streams, want)
			}
		}
		got, err = router.Receive(t.Context(), one.signed(body))
		if err != nil {
			t.Fatal(err)
		}
		wantReceipt(t, got, ingest.Receipt{Duplicates: 2, Unknown: 2, Parked: 1})

		if _, err := router.Receive(t.Context(), signed("nobody's", body, one.now)); err == nil {
			t.Error("a delivery nobody signed is taken")
		}
		if l := two.lines(); len(l) == 0 || l[0].Kind != ingest.KindRejected {
			t.Errorf("a rejection at the shared endpoint is not shown to everyone: %+v", l)
		}
	})
}

// TestRouterAnswersOnlyWhenAllCommitted: one log of two cannot be written, the sender hears of it, and the repeated
// delivery changes nothing in the other.
func TestRouterAnswersOnlyWhenAllCommitted(t *testing.T) {
	store := backends.SQLite(t)
	one, two := newRig(t, store, "one", "1", secret), newRig(t, store, "two", "2", secret)
	failing := true
	broken := refitted(t, store, two, &refusing{Log: two.log, refuse: func(eventstore.NewEvent) error {
		if failing {
			return eventstore.ErrUnavailable
		}
		return nil
	}})
	router := &ingest.Router{Ring: one.ring, Ingests: func() []*ingest.Ingest {
		return []*ingest.Ingest{broken, one.hubspot}
	}}
	body := "[" + change(1, 11, `"a"`) + "," + change(2, 21, `"b"`) + "]"
	if _, err := router.Receive(t.Context(), one.signed(body)); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Fatalf("one log is down: %v", err)
	}
	failing = false
	got, err := router.Receive(t.Context(), one.signed(body))
	if err != nil {
		t.Fatal(err)
	}
	wantReceipt(t, got, ingest.Receipt{Stored: 1, Duplicates: 1})
}

// refusing is a log that refuses some events as a store would: singly or among others.
type refusing struct {
	eventstore.Log
	refuse func(eventstore.NewEvent) error
}

func (r *refusing) Append(ctx context.Context, events ...eventstore.NewEvent) ([]eventstore.Appended, error) {
	for _, e := range events {
		if err := r.refuse(e); err != nil {
			return nil, err
		}
	}
	return r.Log.Append(ctx, events...)
}

// refitted is the rig's HubSpot ingest over another log.
func refitted(t *testing.T, store eventstore.Store, r *rig, log eventstore.Log) *ingest.Ingest {
	t.Helper()
	hub, err := hubspot.New(hubspot.Config{Token: "unused", WebhookSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return ingest.New(ingest.Config{Log: log, System: hub, Account: r.hubspot.Account(), Ring: ingest.NewRing(store, nil)})
}
