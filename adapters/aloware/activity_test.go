package aloware_test

import (
	"encoding/json"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware/sandbox"
	"github.com/duolog/duolog/domain"
)

func disposed(t *testing.T, body string) []adapters.Arrival {
	t.Helper()
	a := open(t, sandbox.Config{})
	got, err := a.Translate(delivery([]byte(`{"event":"Call-Disposed","body":` + body + `}`)))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestCallDisposed: the delivery is two facts, of the person as shown and of what was chosen after the call. The
// members are those of a measured delivery.
func TestCallDisposed(t *testing.T) {
	got := disposed(t, `{"id":940868616,"contact_id":512,"direction":2,"user_id":774,"call_disposition_id":31227,
		"call_disposition":{"id":31227,"name":"No Answer"},"hubspot_activity_type":"Discovery call","talk_time":63,
		"created_at":"2026-08-05 20:58:44","lead_number":"+14155550100","direct_recording_url":"https://x.example/r",
		"contact":`+full(512)+`}`)
	if len(got) != 2 || got[0].Type != domain.RecordUpdated || got[1].Type != domain.ActivityObserved {
		t.Fatalf("%+v", got)
	}
	call, rec := got[1].Activity, domain.Record{System: domain.Aloware, ID: "512"}
	if got[0].Record != rec || got[1].Record != rec || got[1].Account != "4711" || got[1].OccurredAt != got[0].OccurredAt {
		t.Errorf("of %v and %v, account %q", got[0].Record, got[1].Record, got[1].Account)
	}
	want := domain.Activity{
		Via: "webhook", Kind: domain.ActivityCall, ID: "940868616", Clock: got[1].OccurredAt, At: 1785963524000000,
		Direction: "outbound", Seconds: 63, User: "774", Disposition: domain.Choice{ID: "31227", Label: "No Answer"},
		Type: domain.Choice{Label: "Discovery call"}, Vendor: "Call-Disposed",
	}
	properties := call.Properties
	call.Properties = nil
	if a, b := text(t, *call), text(t, want); a != b {
		t.Errorf("the call is\n%s, want\n%s", a, b)
	}
	if _, there := properties["contact"]; there || string(properties["direct_recording_url"]) != `"https://x.example/r"` {
		t.Errorf("kept of the body: %s", text(t, properties))
	}
}

// TestCallDisposedVariants: what is not documented may look otherwise, or be missing, and never costs the delivery.
func TestCallDisposedVariants(t *testing.T) {
	for body, want := range map[string]domain.Choice{
		`{"contact_id":512,"call_disposition_id":31227}`:                   {ID: "31227"},
		`{"contact_id":512,"call_disposition":"No Answer"}`:                {Label: "No Answer"},
		`{"contact_id":512,"call_disposition":{"id":7,"label":"Busy"}}`:    {ID: "7", Label: "Busy"},
		`{"contact_id":512,"call_disposition":null,"direction":"sideway"}`: {},
		`{"contact_id":512,"call_disposition":[1],"talk_time":-3,"id":{}}`: {},
	} {
		got := disposed(t, body)
		if len(got) != 1 || got[0].Activity == nil || got[0].Activity.Disposition != want || got[0].Record.ID != "512" {
			t.Errorf("%s: %+v", body, got)
		}
	}
	if got := disposed(t, `{"call_disposition_id":31227}`); len(got) != 1 || got[0].Raw == nil {
		t.Errorf("a call of nobody: %+v, want it kept raw", got)
	}
	// An id that is the caller's number has no place in a stream's name.
	if got := disposed(t, `{"contact_id":14155550100,"lead_number":"+1 415 555 0100"}`); len(got) != 1 || got[0].Raw == nil {
		t.Errorf("a contact whose id is the number: %+v", got)
	}
}

// TestSandboxDisposesACall: the stand-in tells what the adapter reads.
func TestSandboxDisposesACall(t *testing.T) {
	a := open(t, sandbox.Config{})
	if _, err := a.DisposeCall("+14155550132", sandbox.Disposal{Outcome: 7}); err == nil {
		t.Error("a call nobody made was disposed")
	}
	id, err := a.Call("+14155550132", false)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.DisposeCall("+14155550132", sandbox.Disposal{Outcome: 7, Label: "Busy", User: 3})
	if err != nil || got != id {
		t.Errorf("disposed for %s, %v; the caller is %s", got, err, id)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
