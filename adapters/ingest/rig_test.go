package ingest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/adapters/httpapi/bench"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/eventstore"
)

const (
	secret = "s3cret"
	url    = "https://sync.example.com/webhooks/hubspot/default"
)

// rig is one connection's log with what takes webhooks in.
type rig struct {
	t       *testing.T
	log     eventstore.Log
	ring    *ingest.Ring
	hubspot *ingest.Ingest
	aloware *ingest.Ingest
	now     time.Time
}

func newRig(t *testing.T, store eventstore.Store, name, portal, secret string) *rig {
	t.Helper()
	log, err := store.Log(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, log: log, now: time.Now()}
	clock := func() time.Time { return r.now }
	hub, err := hubspot.New(hubspot.Config{Token: "unused", WebhookSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	alo, err := aloware.New(aloware.Config{Token: "unused", WebhookToken: secret})
	if err != nil {
		t.Fatal(err)
	}
	r.ring = ingest.NewRing(store, clock)
	r.hubspot = ingest.New(ingest.Config{Log: log, System: hub, Account: portal, Ring: r.ring, Clock: clock})
	r.aloware = ingest.New(ingest.Config{Log: log, System: alo, Ring: r.ring, Clock: clock})
	return r
}

func (r *rig) signed(body string) adapters.Delivery { return signed(secret, body, r.now) }

func signed(secret, body string, at time.Time) adapters.Delivery {
	return adapters.Delivery{
		Method: http.MethodPost, URL: url, Body: []byte(body), ReceivedAt: at,
		Header: bench.Sign(secret, http.MethodPost, url, []byte(body), at),
	}
}

// receive takes a HubSpot webhook in and checks the counts of what became of it.
func (r *rig) receive(body string, want ingest.Receipt) {
	r.t.Helper()
	got, err := r.hubspot.Receive(r.t.Context(), r.signed(body))
	if err != nil {
		r.t.Fatal(err)
	}
	wantReceipt(r.t, got, want)
}

func wantReceipt(t *testing.T, got, want ingest.Receipt) {
	t.Helper()
	if want.Position == 0 {
		got.Position = 0
	}
	if got != want {
		t.Errorf("became %+v, want %+v", got, want)
	}
}

func (r *rig) events() []eventstore.Event {
	r.t.Helper()
	all, err := r.log.Read(r.t.Context(), 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func (r *rig) lines() []ingest.Line {
	r.t.Helper()
	all, err := r.ring.List(r.t.Context(), r.log.Connection(), 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// change is one property change of a HubSpot webhook; value is JSON.
func change(portal, id int, value string) string {
	return fmt.Sprintf(`{"eventId":%d,"subscriptionId":7,"portalId":%d,"appId":9,"occurredAt":1763900000000,`+
		`"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":%d,"propertyName":"city",`+
		`"propertyValue":%s,"changeSource":"CRM_UI","sourceId":"userId:6"}`, id, portal, id, value)
}
