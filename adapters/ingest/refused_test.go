package ingest_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

func TestRefusedDeliveriesLeaveALine(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		r := newRig(t, store, "default", "1", secret)
		body := "[" + change(1, 1, `"Jane"`) + "]"
		tampered := r.signed(body)
		tampered.Body = []byte(strings.Replace(body, "Jane", "John", 1))
		unsigned := r.signed(body)
		unsigned.Header = http.Header{"X-Hubspot-Signature": {"deadbeef"}, "X-Hubspot-Signature-Version": {"v1"}}
		withQuery := r.signed(body)
		withQuery.URL += "?key=hush"
		for name, tt := range map[string]struct {
			d       adapters.Delivery
			status  int
			offered string
		}{
			"wrong secret":   {signed("other", body, r.now), 401, "v3"},
			"tampered":       {tampered, 401, "v3"},
			"other url":      {withQuery, 401, "v3"},
			"unsigned":       {unsigned, 401, "v1"},
			"stale":          {stale(r, body, -6*time.Minute), 401, "v3"},
			"future":         {stale(r, body, 6*time.Minute), 401, "v3"},
			"not json":       {r.signed(`[{"a":`), 400, ""},
			"not an array":   {r.signed(change(1, 1, `"x"`)), 400, ""},
			"not even utf-8": {r.signed("[\"\xff\"]"), 400, ""},
		} {
			before := len(r.lines())
			_, err := r.hubspot.Receive(t.Context(), tt.d)
			var rej *adapters.Rejection
			if !errors.As(err, &rej) || rej.Status != tt.status {
				t.Errorf("%s: %v, want a rejection with %d", name, err, tt.status)
			}
			lines := r.lines()
			if len(lines) != before+1 {
				t.Fatalf("%s: %d lines, want %d", name, len(lines), before+1)
			}
			l := lines[0]
			if l.Kind != ingest.KindRejected || l.Status != tt.status || l.Reason == "" || l.URL != url ||
				strings.Join(l.Offered, ",") != tt.offered || l.At != r.now.UnixMicro() {
				t.Errorf("%s leaves %+v", name, l)
			}
			if text := fmt.Sprintf("%+v", l); strings.Contains(text, "hush") || strings.Contains(text, "Jane") {
				t.Errorf("%s: the line holds what it must not: %s", name, text)
			}
		}
		if n := len(r.events()); n != 0 {
			t.Errorf("%d events from refused deliveries", n)
		}
	})
}

func stale(r *rig, body string, by time.Duration) adapters.Delivery {
	d := signed(secret, body, r.now.Add(by))
	d.ReceivedAt = r.now
	return d
}

func TestRingKeepsTheLast200(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		r := newRig(t, store, "default", "1", secret)
		for i := range ingest.RingSize + 5 {
			r.now = r.now.Add(time.Second)
			err := r.ring.Add(t.Context(), "default", ingest.Line{Kind: ingest.KindRejected, Reason: fmt.Sprint(i)})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := r.ring.Add(t.Context(), "other", ingest.Line{Kind: ingest.KindRejected}); err != nil {
			t.Fatal(err)
		}
		lines := r.lines()
		if len(lines) != ingest.RingSize || lines[0].Reason != "204" || lines[199].Reason != "5" {
			t.Errorf("%d lines from %q to %q, want 200 from 204 to 5", len(lines), lines[0].Reason, lines[len(lines)-1].Reason)
		}
	})
}

func TestRingSurvivesAFlood(t *testing.T) {
	r := newRig(t, backends.SQLite(t), "default", "1", secret)
	for range 2 * ingest.RingSize { // all in one moment
		l := ingest.Line{Kind: ingest.KindRejected, Reason: "x\x00\xff"}
		if err := r.ring.Add(t.Context(), "default", l); err != nil {
			t.Fatal(err)
		}
	}
	last := ingest.Line{Kind: ingest.KindRaw, Reason: "kept"}
	if err := r.ring.Add(t.Context(), "default", last); err != nil {
		t.Fatal(err)
	}
	if lines := r.lines(); len(lines) != ingest.RingSize+1 {
		t.Errorf("%d lines, want the first 200 of a flood and what is never limited", len(lines))
	}
}
