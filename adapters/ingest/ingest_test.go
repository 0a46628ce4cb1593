package ingest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/adapters/httpapi/bench"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
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

func TestFactsInOneAppend(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		r := newRig(t, store, "default", "1", secret)
		body := "[" + change(1, 512, `"Zürich"`) + "," + change(1, 513, `"Bern"`) + "]"
		r.receive(body, ingest.Receipt{Stored: 2, Position: 2})
		all := r.events()
		e := all[0]
		if e.Stream != "hubspot/contact/512" || e.Subject != e.Stream || e.Type != domain.RecordUpdated ||
			e.Actor != "hubspot" || e.Schema != 1 || e.OccurredAt != 1763900000000000 || e.Causation != 0 {
			t.Errorf("envelope %+v", e)
		}
		var f domain.Fact
		if err := json.Unmarshal(e.Data, &f); err != nil || string(f.Properties["city"]) != `"Zürich"` {
			t.Errorf("fact %s: %v", e.Data, err)
		}
		again := strings.ReplaceAll(body, `"attemptNumber":0`, `"attemptNumber":3`)
		r.receive(again, ingest.Receipt{Duplicates: 2, Position: 2})
		if n := len(r.events()); n != 2 {
			t.Errorf("%d events after a redelivery, want 2", n)
		}
	})
}

func TestOneBadItemBlocksNobody(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		r := newRig(t, store, "default", "1", secret)
		r.receive("["+change(1, 1, `"good"`)+`,{"portalId":1,"odd":true},`+change(1, 2, `"N\u0000UL"`)+","+
			change(1, 3, `"\\u0000 is text"`)+`,17,`+change(1, 4, `"good"`)+"]", ingest.Receipt{Stored: 3, Raw: 3})
		all := r.events()
		for i, want := range []string{"updated", "raw", "raw", "updated", "raw", "updated"} {
			if !strings.HasSuffix(all[i].Type, want) {
				t.Errorf("event %d is %s, want %s", i+1, all[i].Type, want)
			}
		}
		var odd domain.Raw
		if json.Unmarshal(all[1].Data, &odd) != nil || string(odd.Body) != `{"portalId":1,"odd":true}` ||
			all[1].Stream != "hubspot/raw" || all[1].Subject != "raw/"+all[1].ID.String() {
			t.Errorf("unreadable item as %+v %s", all[1], all[1].Data)
		}
		var nul domain.Raw
		var body struct{ Base64 []byte }
		if json.Unmarshal(all[2].Data, &nul) != nil || json.Unmarshal(nul.Body, &body) != nil ||
			!strings.Contains(string(body.Base64), `"N\u0000UL"`) {
			t.Errorf("an item with NUL as %s", all[2].Data)
		}
		var shown []int64
		for _, l := range r.lines() {
			if l.Kind == ingest.KindRaw && l.Reason != "" && l.Status == 200 {
				shown = append(shown, l.Position)
			}
		}
		if fmt.Sprint(shown) != "[5 3 2]" {
			t.Errorf("raw items shown at %v, want [5 3 2]", shown)
		}
	})
}

func TestForeignPortalIsParked(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		r := newRig(t, store, "default", "1", secret)
		body := "[" + change(2, 1, `"theirs"`) + "," + change(1, 2, `"ours"`) + "]"
		r.receive(body, ingest.Receipt{Stored: 1, Parked: 1})
		r.receive(body, ingest.Receipt{Duplicates: 1, Parked: 1})
		if all := r.events(); len(all) != 1 || all[0].Stream != "hubspot/contact/2" {
			t.Errorf("events %v, want only the portal's own", all)
		}
		lines := r.lines()
		if len(lines) != 1 || lines[0].Kind != ingest.KindParked || lines[0].Account != "2" ||
			lines[0].Vendor != "contact.propertyChange" {
			t.Errorf("lines %+v, want one parked item of portal 2", lines)
		}
		rows, err := store.Query(t.Context(), "SELECT id, subject, body FROM parked_delivery WHERE connection = $1", "default")
		bodies, err := eventstore.Scan(rows, err, func(row eventstore.Rows) (string, error) {
			var id, subject string
			var sealed []byte
			if err := row.Scan(&id, &subject, &sealed); err != nil {
				return "", err
			}
			if strings.Contains(string(sealed), "theirs") {
				t.Error("the body of a parked item lies in clear")
			}
			plain, err := r.log.Vault().Open(t.Context(), subject, "parked_delivery/"+id, sealed)
			return string(plain), err
		})
		if err != nil || len(bodies) != 1 || !strings.Contains(bodies[0], "theirs") {
			t.Errorf("parked %q: %v", bodies, err)
		}
	})
}

func TestPortalIsLearned(t *testing.T) {
	r := newRig(t, backends.SQLite(t), "default", "", secret)
	r.receive("["+change(7, 1, `"a"`)+"]", ingest.Receipt{Stored: 1})
	if r.hubspot.Account() != "7" {
		t.Errorf("learned %q, want 7", r.hubspot.Account())
	}
	r.receive("["+change(8, 2, `"b"`)+"]", ingest.Receipt{Parked: 1})
}

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
		if err := r.ring.Add(t.Context(), "default", ingest.Line{Kind: ingest.KindRejected, Reason: "x\x00\xff"}); err != nil {
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

func TestAlowareDeliveries(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		r := newRig(t, store, "default", "1", secret)
		send := func(body string) (ingest.Receipt, error) {
			return r.aloware.Receive(t.Context(), adapters.Delivery{
				Method: http.MethodPost, URL: url, Body: []byte(body), ReceivedAt: r.now,
				Header: http.Header{"Authorization": {"Bearer " + secret}},
			})
		}
		contact := `{"event":"Contact-Updated","body":{"id":90417,"phone_number":"+14155550132","first_name":"Jane","company_id":5}}`
		for _, tt := range []struct {
			body string
			want ingest.Receipt
		}{
			{contact, ingest.Receipt{Stored: 1}},
			{contact, ingest.Receipt{Stored: 1}}, // the same again is another change: A, B, A, B
			{`{"event":"Voicemail-Transcribed","body":{"text":"hi"}}`, ingest.Receipt{Raw: 1}},
			{`{"test_payload":true}`, ingest.Receipt{Ignored: 1}},
		} {
			got, err := send(tt.body)
			if err != nil {
				t.Fatal(err)
			}
			wantReceipt(t, got, tt.want)
		}
		if all := r.events(); len(all) != 3 || all[2].Type != domain.SourceRaw || all[2].Actor != "aloware" {
			t.Errorf("events %v", all)
		}
		if l := r.lines(); len(l) != 1 || l[0].Vendor != "Voicemail-Transcribed" {
			t.Errorf("an unknown event is not shown: %+v", l)
		}
	})
}

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
	router := &ingest.Router{Ring: one.ring, Ingests: func() []*ingest.Ingest { return []*ingest.Ingest{broken, one.hubspot} }}
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

func TestWhatTheStoreRefusesIsKeptRaw(t *testing.T) {
	store := backends.SQLite(t)
	r := newRig(t, store, "default", "1", secret)
	in := refitted(t, store, r, &refusing{Log: r.log, refuse: func(e eventstore.NewEvent) error {
		switch e.Subject {
		case "hubspot/contact/2":
			return fmt.Errorf("text: %w", eventstore.ErrInvalid)
		case "hubspot/contact/3":
			return fmt.Errorf("subject: %w", eventstore.ErrErased)
		}
		return nil
	}})
	body := "[" + change(1, 1, `"a"`) + "," + change(1, 2, `"b"`) + "," + change(1, 3, `"Jane"`) + "]"
	got, err := in.Receive(t.Context(), r.signed(body))
	if err != nil {
		t.Fatal(err)
	}
	wantReceipt(t, got, ingest.Receipt{Stored: 2, Raw: 1})
	all := r.events()
	var raw domain.Raw
	if all[1].Type != domain.SourceRaw || json.Unmarshal(all[1].Data, &raw) != nil ||
		!strings.Contains(string(raw.Body), `"city":"b"`) {
		t.Errorf("refused item as %s %s", all[1].Type, all[1].Data)
	}
	if e := all[2]; e.Type != domain.RecordSuppressed || e.Stream != "hubspot/contact/3" ||
		strings.Contains(string(e.Data), "Jane") || strings.Contains(string(e.Data), base64.StdEncoding.EncodeToString([]byte("Jane"))) {
		t.Errorf("item of an erased record as %s %s", e.Type, e.Data)
	}
}

func TestDatabaseDown(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		r := newRig(t, store, "default", "1", secret)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := r.hubspot.Receive(t.Context(), r.signed("["+change(1, 1, `"a"`)+"]"))
		if !errors.Is(err, eventstore.ErrUnavailable) {
			t.Errorf("database down: %v", err)
		}
		_, err = r.hubspot.Receive(t.Context(), r.signed("["+change(2, 1, `"a"`)+"]"))
		if err == nil {
			t.Error("a foreign item is answered without being parked")
		}
		_, err = r.hubspot.Receive(t.Context(), signed("wrong", "[]", r.now))
		var rej *adapters.Rejection
		if !errors.As(err, &rej) {
			t.Errorf("a bad signature is %v while the ring cannot be written", err)
		}
	})
}
