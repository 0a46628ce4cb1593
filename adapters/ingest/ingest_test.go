package ingest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

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

// TestKeysAreKeyed: what a dedupe key is made of cannot be guessed from it, for it outlives an erasure: the same
// delivery has another key in another connection, and none that a plain hash of it would give.
func TestKeysAreKeyed(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		item := change(1, 512, `"Zürich"`)
		for _, name := range []string{"one", "two"} {
			newRig(t, store, name, "1", secret).receive("["+item+"]", ingest.Receipt{Stored: 1})
		}
		rows, err := store.Query(t.Context(), "SELECT key FROM append_key WHERE position = 1 ORDER BY connection")
		keys, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (k []byte, err error) { return k, r.Scan(&k) })
		if err != nil || len(keys) != 2 || bytes.Equal(keys[0], keys[1]) {
			t.Fatalf("keys %x, error %v", keys, err)
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
		rows, err := store.Query(t.Context(),
			"SELECT id, subject, body FROM parked_delivery WHERE connection = $1", "default")
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

func TestAlowareDeliveries(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		r := newRig(t, store, "default", "1", secret)
		send := func(body string) (ingest.Receipt, error) {
			return r.aloware.Receive(t.Context(), adapters.Delivery{
				Method: http.MethodPost, URL: url, Body: []byte(body), ReceivedAt: r.now,
				Header: http.Header{"Authorization": {"Bearer " + secret}},
			})
		}
		contact := `{"event":"Contact-Updated","body":{"id":90417,"phone_number":"+14155550132",` +
			`"first_name":"Jane","company_id":5}}`
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

func TestWhatTheStoreRefusesIsKeptRaw(t *testing.T) {
	store := backends.SQLite(t)
	r := newRig(t, store, "default", "1", secret)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		_, err := tx.Erase(t.Context(), r.log, []string{"hubspot/contact/3"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	in := refitted(t, store, r, &refusing{Log: r.log, refuse: func(e eventstore.NewEvent) error {
		switch {
		case e.Subject == "hubspot/contact/2":
			return fmt.Errorf("text: %w", eventstore.ErrInvalid)
		case e.Subject == "hubspot/contact/4" && refused < 3: // among others, by itself, and before it was let in
			refused++
			return fmt.Errorf("subject: %w", eventstore.ErrErased)
		}
		return nil
	}})
	body := "[" + change(1, 4, `"d"`) + "," + change(1, 1, `"a"`) + "," + change(1, 2, `"b"`) + "," + change(1, 3, `"Jane"`) + "]"
	got, err := in.Receive(t.Context(), r.signed(body))
	if err != nil {
		t.Fatal(err)
	}
	wantReceipt(t, got, ingest.Receipt{Stored: 3, Raw: 1})
	all := r.events()
	if e := all[0]; e.Stream != "hubspot/contact/4" || e.Type == domain.RecordSuppressed || refused != 3 {
		t.Errorf("refused %d times, and of nobody who is erased: %s of %s", refused, e.Type, e.Stream)
	}
	all = all[1:]
	var raw domain.Raw
	if all[1].Type != domain.SourceRaw || json.Unmarshal(all[1].Data, &raw) != nil ||
		!strings.Contains(string(raw.Body), `"city":"b"`) {
		t.Errorf("refused item as %s %s", all[1].Type, all[1].Data)
	}
	if e := all[2]; e.Type != domain.RecordSuppressed || e.Stream != "hubspot/contact/3" ||
		strings.Contains(string(e.Data), "Jane") || strings.Contains(string(e.Data), "base64") {
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
