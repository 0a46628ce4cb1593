package aloware_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/adapters/aloware/sandbox"
	"github.com/duolog/duolog/domain"
)

// sample reads a delivery kept in testdata.
func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func event(name, body string) string { return `{"event":"` + name + `","body":` + body + `}` }

func TestTranslate(t *testing.T) {
	c := dial(t, "https://aloware.example", token)
	type want struct {
		kind, id, vendor, origin string
		complete                 bool
		reason                   string
	}
	created, updated, unread := domain.RecordCreated, domain.RecordUpdated, domain.SourceRaw
	voip := func(kind, vendor string) want { return want{kind, "512", vendor, "voip-call", true, ""} }
	raw := func(vendor, reason string) want { return want{kind: unread, vendor: vendor, reason: reason} }
	ann, partly := full(512), `{"id":"512","phone_number":"+14155550100"}`
	missed, sms, summary := "InboundPhoneCall-DispositionMissed", "InboundSMS-DispositionCompleted",
		"transcription.call.summarized"
	for _, tt := range []struct {
		name, body string
		want       want
	}{
		{"a missed call", sample(t, "call-missed"), want{updated, "512", missed, "voip-call", true, ""}},
		{"a message", sample(t, "sms"), want{updated, "512", sms, "voip-sms", true, ""}},
		{"a transcription", sample(t, "transcription"), want{updated, "512", summary, "ui", true, ""}},
		{"contact created", event("Contact-Created", ann), voip(created, "Contact-Created")},
		{"contactCreated", event("contactCreated", ann), voip(created, "contactCreated")},
		{"contact.updated", event("contact.updated", ann), voip(updated, "contact.updated")},
		{"Contact DNC updated", event("Contact DNC updated", ann), voip(updated, "Contact DNC updated")},
		{"nested", event("contact_disposed", `{"contact":`+ann+`}`), voip(updated, "contact_disposed")},
		{"a contact by its looks", event("Lead-Saved", ann), voip(updated, "Lead-Saved")},
		{"a contact without envelope", ann, voip(updated, "")},
		{"a part of a contact", event("Contact-Updated", partly), want{updated, "512", "Contact-Updated", "", false, ""}},
		{"no id", event("C", `{"phone_number":"+14155550100"}`), raw("C", "id")},
		{"null id", event("C", `{"id":null,"phone_number":"+14155550100"}`), raw("C", "id")},
		{"an email as id", event("Contact-Updated", `{"id":"ann@people.example"}`), raw("Contact-Updated", "id")},
		{"a phone as id", event("C", `{"id":"14155550100","phone_number":"+1 415 555 0100"}`), raw("C", "id")},
		{"a fraction as id", event("Contact-Updated", `{"id":51.2}`), raw("Contact-Updated", "id")},
		{"a call alone", event("C", `{"id":9,"direction":2,"phone_number":"+14155550199"}`), raw("C", "unknown")},
		{"a lead alone", event("C", `{"id":9,"lead_number":"+1","phone_number":"+14155550199"}`), raw("C", "unknown")},
		{"unknown", event("Fax-Jammed", `{"id":9}`), raw("Fax-Jammed", "unknown")},
		{"no body", `{"event":"Contact-Updated"}`, raw("Contact-Updated", "unknown")},
		{"a text as body", event("Contact-Updated", `"x"`), raw("Contact-Updated", "unknown")},
		{"a list", `[{"event":"x"}]`, raw("", "object")},
		{"null", `null`, raw("", "object")},
		{"empty", `{}`, raw("", "unknown")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := delivery([]byte(tt.body))
			got, err := c.Translate(d)
			if err != nil || len(got) != 1 {
				t.Fatalf("%d arrivals, %v", len(got), err)
			}
			a := got[0]
			if a.Key != "" || a.KeyTime != 0 || a.Ignored || a.OccurredAt != d.ReceivedAt.UnixMicro() {
				t.Errorf("key %q, ignored %v, at %d", a.Key, a.Ignored, a.OccurredAt)
			}
			if a.Type != tt.want.kind || a.Record.ID != tt.want.id {
				t.Fatalf("%s of %v", a.Type, a.Record)
			}
			if a.Type == unread {
				if a.Raw == nil || a.Raw.Vendor != tt.want.vendor || !strings.Contains(a.Raw.Reason, tt.want.reason) ||
					string(a.Raw.Body) != tt.body || a.Raw.System != domain.Aloware {
					t.Errorf("%+v", a.Raw)
				}
				return
			}
			f := a.Fact
			if f.Via != "webhook" || f.Vendor != tt.want.vendor || f.Origin != (domain.Origin{Source: tt.want.origin}) ||
				f.Complete != tt.want.complete || f.Clock != d.ReceivedAt.UnixMicro() {
				t.Errorf("%+v", f)
			}
			if f.Complete && (string(f.Properties["rango_edad"]) != `"30-39"` || a.Account != "4711") {
				t.Errorf("a property no mapping knows is lost, or account %q", a.Account)
			}
		})
	}
}

func TestTranslateTestDelivery(t *testing.T) {
	c := dial(t, "https://aloware.example", token)
	got, err := c.Translate(delivery([]byte(`{"test_payload":true}`)))
	if err != nil || len(got) != 1 || !got[0].Ignored || got[0].Raw != nil {
		t.Fatalf("%+v, %v", got, err)
	}
}

// The same body twice is two events: Aloware sends no ids, and a value that went back and forth sends equal bodies.
func TestEqualDeliveriesAreTwoEvents(t *testing.T) {
	c := dial(t, "https://aloware.example", token)
	for range 2 {
		got, err := c.Translate(delivery([]byte(`{"event":"Contact-Updated","body":` + full(512) + `}`)))
		if err != nil || got[0].Key != "" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	c := dial(t, "https://aloware.example", token)
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for header, offered := range map[string]string{
		"Bearer " + webhook: "", "bearer  " + webhook: "", basic("duolog:pass:word"): "",
		"": "none", "Bearer": "Bearer", "Bearer " + webhook + "x": "Bearer", "Bearer Bearer " + webhook: "Bearer",
		basic("duolog:pass"): "Basic", "Basic %%%": "Basic", basic(webhook): "Basic", webhook: "other",
		"Digest x": "Digest", "Bearer " + webhook[:5]: "Bearer",
	} {
		d := delivery([]byte(`{}`))
		d.Header = http.Header{"Authorization": {header}}
		err := c.Authenticate(d)
		if offered == "" {
			if err != nil {
				t.Errorf("%s: %v", header, err)
			}
			continue
		}
		var r *adapters.Rejection
		if !errors.As(err, &r) || r.Status != http.StatusUnauthorized || len(r.Offered) != 1 || r.Offered[0] != offered {
			t.Errorf("%s: %+v", header, err)
			continue
		}
		leaks(t, r.Reason+strings.Join(r.Offered, " "))
	}
}

// TestWebhooksOfTheSandbox translates what the sandbox delivers: what the adapter understands is what the stand-in
// says.
func TestWebhooksOfTheSandbox(t *testing.T) {
	c := dial(t, "https://aloware.example", token)
	got := make(chan adapters.Arrival, 20)
	a := receive(t, sandbox.Config{WebhookToken: webhook}, func(d adapters.Delivery) {
		if err := c.Authenticate(d); err != nil {
			t.Error(err)
		}
		arrivals, err := c.Translate(d)
		if err != nil {
			t.Error(err)
			return
		}
		got <- arrivals[0]
	})
	ann := a.person(t)
	for _, do := range []func() error{
		func() error { return a.Edit(ann.ID, map[string]any{"city": "Elko"}) },
		func() error { return a.Edit(ann.ID, map[string]any{"disposition_status_id": 7}) },
		func() error { return a.Edit(ann.ID, map[string]any{"is_dnc": false}) },
		func() error { _, err := a.Call(another, true); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Quiesce(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(got)
	var events []string
	for arrival := range got {
		if arrival.Raw != nil || !arrival.Fact.Complete {
			t.Errorf("%+v", arrival)
		}
		events = append(events, arrival.Type+" "+arrival.Fact.Vendor)
	}
	want := "record.created Contact-Created, record.updated Contact-Updated, record.updated Contact-Updated, " +
		"record.updated Contact-Disposed, record.updated Contact-Updated, record.updated Contact-DNC-Updated, " +
		"record.created Contact-Created, record.updated InboundPhoneCall-DispositionMissed"
	if text := strings.Join(events, ", "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// Without a configured secret nothing is authentic, an empty secret least of all.
func TestAuthenticateWithoutSecret(t *testing.T) {
	c, err := aloware.New(aloware.Config{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"", "Bearer", "Bearer ", "Basic", "Basic ", "Basic Og=="} {
		d := delivery([]byte(`{}`))
		d.Header = http.Header{"Authorization": {header}}
		if c.Authenticate(d) == nil {
			t.Errorf("%q is accepted", header)
		}
	}
}
