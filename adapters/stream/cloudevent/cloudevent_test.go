package cloudevent

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

func sample() eventstore.Event {
	return eventstore.Event{
		Connection: "default", Position: 41, ID: ulid.MustParseStrict("01JDB4Q8ZK3MT2V5ABCDEFGHJK"),
		Stream: "hubspot/contact/512", Type: domain.RecordUpdated, Schema: 1,
		OccurredAt: 1_763_900_000_000_001, RecordedAt: 1_763_900_000_123_456, Actor: "hubspot", Causation: 40,
		Data: []byte(`{"via":"webhook","properties":{"email":"\"jane\"@example.com","city":"Zürich"},"clock":5}`),
	}
}

var head = eventstore.Head{LogID: ulid.MustParseStrict("01JDB3Q8ZK3MT2V5ABCDEFGHJK"), Generation: 2, Position: 41}

// parse reads a line as any consumer with the CloudEvents SDK would.
func parse(t interface{ Fatalf(string, ...any) }, line []byte) event.Event {
	if bytes.IndexByte(line, '\n') != len(line)-1 {
		t.Fatalf("not one line: %q", line)
	}
	var ce event.Event
	if err := json.Unmarshal(line, &ce); err != nil {
		t.Fatalf("not a CloudEvent: %v\n%s", err, line)
	}
	if err := ce.Validate(); err != nil {
		t.Fatalf("not a valid CloudEvent: %v\n%s", err, line)
	}
	return ce
}

func TestLineIsACloudEvent(t *testing.T) {
	e := sample()
	ce := parse(t, New("default", head, Full).Line(nil, e))
	got := map[string]any{
		"id": ce.ID(), "source": ce.Source(), "type": ce.Type(), "subject": ce.Subject(), "data": string(ce.Data()),
		"time": ce.Time().Format(time.RFC3339Nano), "content": ce.DataContentType(),
	}
	for name, v := range ce.Extensions() {
		got[name] = v
	}
	want := map[string]any{
		"id": "01JDB4Q8ZK3MT2V5ABCDEFGHJK", "source": "/duolog/01JDB3Q8ZK3MT2V5ABCDEFGHJK/default",
		"type": "record.updated", "subject": "hubspot/contact/512", "data": string(e.Data),
		"time": "2025-11-23T12:13:20.123456Z", "content": "application/json", "sequence": "41", "generation": "2",
		"partitionkey": "hubspot/contact/512", "actor": "hubspot", "schema": int32(1), "causation": "40",
		"occurredat": "2025-11-23T12:13:20.000001Z",
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s is %v, want %v", name, got[name], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestErasedLineSaysSo(t *testing.T) {
	e := sample()
	e.Erased, e.Data = true, nil
	ce := parse(t, New("default", head, Full).Line(nil, e))
	if ce.Extensions()["erased"] != true || ce.Data() != nil {
		t.Errorf("erased event as %s", ce)
	}
}

func TestAnyEventGivesAValidLine(t *testing.T) {
	text := rapid.StringMatching(`[a-z][a-z0-9/"\\ é<>]{0,20}[a-z]`)
	rapid.Check(t, func(t *rapid.T) {
		e := sample()
		e.Stream, e.Type, e.Actor = text.Draw(t, "stream"), text.Draw(t, "type"), text.Draw(t, "actor")
		e.Position = rapid.Int64Min(1).Draw(t, "position")
		e.Causation = rapid.Int64Min(0).Draw(t, "causation")
		e.Data, _ = json.MarshalIndent(map[string]string{"v": rapid.String().Draw(t, "value")}, "", "  ")
		data := rapid.SampledFrom([]string{IDs, Masked, Full}).Draw(t, "data")
		ce := parse(t, New("default", head, data).Line(nil, e))
		if ce.Subject() != e.Stream || ce.Type() != e.Type {
			t.Fatalf("subject %q type %q, want %q %q", ce.Subject(), ce.Type(), e.Stream, e.Type)
		}
	})
}

func TestIDsOnlyHoldsNoValue(t *testing.T) {
	payloads := map[string]any{
		domain.RecordUpdated: domain.Fact{
			Via: "webhook", Properties: domain.Properties{"email": json.RawMessage(`"SECRET"`)},
			Origin: domain.Origin{Source: "CRM_UI", ID: "userId:SECRET"},
		},
		domain.CommandSettled: domain.Outcome{
			Kind: domain.KindUpdate, Result: domain.ResultPartly,
			Sent:  domain.Properties{"email": json.RawMessage(`"SECRET"`)},
			Shows: domain.Properties{"a": json.RawMessage(`"SECRET"`)},
		},
		domain.SourceRaw:       domain.Raw{System: domain.Aloware, Reason: "?", Body: json.RawMessage(`{"a":"SECRET"}`)},
		domain.ModeChanged:     domain.Act{Mode: domain.ModePilot, Filter: "email = SECRET", Reason: "SECRET asked"},
		domain.SettingsChanged: domain.SettingsAct{Version: 3, Settings: json.RawMessage(`{"owner":"SECRET"}`)},
		domain.CatalogObserved: domain.CatalogFact{
			System: domain.HubSpot, Catalog: domain.Owners, ID: "71", Entry: domain.CatalogEntry{Label: "SECRET", Email: "SECRET"},
		},
		domain.ActivityObserved: domain.Activity{
			Kind: domain.ActivityCall, ID: "9", Disposition: domain.Choice{ID: "7", Label: "SECRET"},
			Properties: domain.Properties{"lead_number": json.RawMessage(`"SECRET"`)},
		},
		"contact.changed": map[string]any{
			"contact": "01JDB4Q8ZK3MT2V5ABCDEFGHJK", "fields": map[string]any{"city": map[string]any{"before": "SECRET", "after": "SECRET"}},
		},
		"something.quite.unseen": map[string]any{"value": "SECRET"},
	}
	for kind, payload := range payloads {
		e := sample()
		e.Type = kind
		e.Data, _ = json.Marshal(payload)
		full := New("default", head, Full).Line(nil, e)
		line := New("default", head, IDs).Line(nil, e)
		if !strings.Contains(string(full), "SECRET") || strings.Contains(string(line), "SECRET") {
			t.Errorf("%s without values is %s", kind, line)
		}
		if ce := parse(t, line); ce.Extensions()["fields"] != "ids" {
			t.Errorf("%s does not say that values are left out", kind)
		}
	}
	e := sample()
	line := New("default", head, IDs).Line(nil, e)
	if !strings.Contains(string(line), `"property_names":["city","email"]`) {
		t.Errorf("names of the changed properties are missing: %s", line)
	}
}

func BenchmarkLine(b *testing.B) {
	enc, e := New("default", head, Full), sample()
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = enc.Line(buf[:0], e)
	}
}

// TestMasked: who may see hints sees a hint of each value, and no value.
func TestMasked(t *testing.T) {
	data := []byte(`{"via":"webhook","properties":{"email":"jane@example.com","phone":"+14155550132","city":"Bo","opt_out":true,"score":97123,"tags":["vip"]}}`)
	got := string(maskedOf(domain.RecordUpdated, data))
	want := `{"properties":{"city":"…","email":"j…","opt_out":true,"phone":"…32","score":"…","tags":"…"},` +
		`"property_names":["city","email","opt_out","phone","score","tags"],"via":"webhook"}`
	if got != want {
		t.Errorf("masked:\n%s\nwant\n%s", got, want)
	}
}
