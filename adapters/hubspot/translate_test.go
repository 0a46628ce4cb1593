package hubspot

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

func jsonNumber(s string) json.Number { return json.Number(s) }

// event is an event of portal 4 received by app 9, with more fields.
func event(kind, more string) string {
	return `{"eventId":2,"subscriptionId":3,"portalId":4,"appId":9,"occurredAt":1700000000123,"subscriptionType":"` +
		kind + `","attemptNumber":0,"objectId":512` + more + `}`
}

func arrivals(t testing.TB, c *Client, items ...string) []adapters.Arrival {
	t.Helper()
	got, err := c.Translate(adapters.Delivery{
		Body: []byte("[" + strings.Join(items, ",") + "]"), ReceivedAt: time.UnixMicro(1_700_000_001_000_000),
	})
	if err != nil || len(got) != len(items) {
		t.Fatalf("%d arrivals of %d events, %v", len(got), len(items), err)
	}
	return got
}

func TestTranslateKinds(t *testing.T) {
	c := verifier(t, "s")
	for _, tt := range []struct{ item, want string }{
		{event("contact.creation", ""), domain.RecordCreated},
		{event("contact.deletion", ""), domain.RecordDeleted},
		{event("contact.privacyDeletion", ""), domain.RecordDeleted},
		{event("contact.restore", ""), domain.RecordRestored},
		{event("contact.propertyChange", `,"propertyName":"city","propertyValue":""`), domain.RecordUpdated},
		{event("object.creation", `,"objectTypeId":"0-1"`), domain.RecordCreated},
		{
			event("object.propertyChange", `,"objectTypeId":"0-1","propertyName":"a","propertyValue":"b"`),
			domain.RecordUpdated,
		},
		{strings.Replace(event("contact.creation", ""), "subscriptionType", "eventType", 1), domain.RecordCreated},
	} {
		a := arrivals(t, c, tt.item)[0]
		if a.Type != tt.want || a.Raw != nil || a.Record != record("512") || a.Account != "4" {
			t.Errorf("%s: %+v", tt.item, a)
		}
		if a.OccurredAt != 1_700_000_000_123_000 || a.Fact.Clock != a.OccurredAt || a.KeyTime != a.OccurredAt {
			t.Errorf("%s: times %d, %d, %d", tt.item, a.OccurredAt, a.Fact.Clock, a.KeyTime)
		}
	}
	a := arrivals(t, c, event("contact.propertyChange", `,"propertyName":"city","propertyValue":"Zoë"`))[0]
	if want := (domain.Properties{"city": json.RawMessage(`"Zoë"`)}); !reflect.DeepEqual(a.Fact.Properties, want) {
		t.Errorf("properties %s", a.Fact.Properties)
	}
	a = arrivals(t, c, event("contact.propertyChange",
		`,"propertyName":"ssn","propertyValue":"REDACTED","isSensitive":true`))[0]
	if a.Type != domain.RecordUpdated || a.Fact.Properties != nil {
		t.Errorf("a withheld value became one: %+v", a.Fact)
	}
}

// TestClockFromTheFuture: an event dated ahead of its own delivery counts from that; what it told is kept as told.
func TestClockFromTheFuture(t *testing.T) {
	c := verifier(t, "s")
	received := int64(1_700_000_001_000_000)
	for ahead, clock := range map[time.Duration]int64{
		time.Minute: received + 60_000_000, 24 * time.Hour: received + maxAge.Microseconds(),
	} {
		at := received + ahead.Microseconds()
		item := strings.Replace(event("contact.propertyChange", `,"propertyName":"city","propertyValue":"Rome"`),
			"1700000000123", strconv.FormatInt(at/1000, 10), 1)
		a := arrivals(t, c, item)[0]
		if a.OccurredAt != at || a.KeyTime != at || a.Fact.Clock != clock {
			t.Errorf("%s ahead: occurred at %d, key time %d, clock %d, want %d, %d and %d",
				ahead, a.OccurredAt, a.KeyTime, a.Fact.Clock, at, at, clock)
		}
	}
}

func TestTranslateMerge(t *testing.T) {
	a := arrivals(t, verifier(t, "s"), event("contact.merge",
		`,"primaryObjectId":512,"mergedObjectIds":[513,514],"newObjectId":900,"numberOfPropertiesMoved":2`))[0]
	if a.Type != domain.RecordMerged || a.Record != record("900") || a.Fact.Primary != record("512") {
		t.Fatalf("%+v", a)
	}
	if want := []domain.Record{record("512"), record("513"), record("514")}; !reflect.DeepEqual(a.Fact.Merged, want) {
		t.Fatalf("merged %v", a.Fact.Merged)
	}
	a = arrivals(t, verifier(t, "s"), event("contact.merge", `,"primaryObjectId":512,"mergedObjectIds":[513]`))[0]
	if a.Record != record("512") || !reflect.DeepEqual(a.Fact.Merged, []domain.Record{record("513")}) {
		t.Fatalf("a merge into the primary: %+v", a)
	}
}

func TestTranslateOrigin(t *testing.T) {
	configured, err := New(Config{Token: "t", AppID: "77"})
	if err != nil {
		t.Fatal(err)
	}
	learnt := verifier(t, "s")
	for _, tt := range []struct {
		name, source, id string
		c                *Client
		own              bool
	}{
		{"our app, as the events tell it", "INTEGRATION", "9", learnt, true},
		{"another app", "INTEGRATION", "10", learnt, false},
		{"a person", "CRM_UI", "userId:7", learnt, false},
		{"a person with our app's number", "CRM_UI", "9", learnt, false},
		{"nobody told", "INTEGRATION", "", learnt, false},
		{"our configured app", "INTEGRATION", "77", configured, true},
		{"the receiving app, which does not write", "INTEGRATION", "9", configured, false},
	} {
		a := arrivals(t, tt.c, event("contact.creation",
			`,"changeSource":"`+tt.source+`","sourceId":"`+tt.id+`"`))[0]
		want := domain.Origin{Source: tt.source, ID: tt.id, Own: tt.own}
		if a.Fact.Origin != want {
			t.Errorf("%s: %+v", tt.name, a.Fact.Origin)
		}
	}
}

// TestTranslateKeepsTheGood: an event that cannot be read is kept as it came, and its neighbours are read.
func TestTranslateKeepsTheGood(t *testing.T) {
	bad := []string{
		`7`, `null`, `"text"`, `[]`, `{}`, event("", ""), event("contact.upgraded", ""), event("deal.creation", ""),
		event("object.creation", `,"objectTypeId":"0-3"`), event("object.creation", ""),
		event("contact.propertyChange", ""), event("contact.propertyChange", `,"propertyName":"a"`),
		event("contact.propertyChange", `,"propertyName":"a","propertyValue":{}`),
		event("contact.merge", ""), event("contact.merge", `,"primaryObjectId":1,"newObjectId":2,"mergedObjectIds":[1.5]`),
		strings.Replace(event("contact.creation", ""), `"objectId":512`, `"objectId":5.12e2`, 1),
		strings.Replace(event("contact.creation", ""), `"objectId":512`, `"objectId":-512`, 1),
		strings.Replace(event("contact.creation", ""), `"objectId":512`, `"objectId":"a"`, 1),
		strings.Replace(event("contact.creation", ""), `"portalId":4`, `"portalId":0`, 1),
		strings.Replace(event("contact.creation", ""), `1700000000123`, `99999999999999999`, 1),
		strings.Replace(event("contact.creation", ""), `1700000000123`, `"yesterday"`, 1),
	}
	items := append([]string{event("contact.creation", "")}, bad...)
	got := arrivals(t, verifier(t, "s"), append(items, event("contact.deletion", ""))...)
	if got[0].Type != domain.RecordCreated || got[len(got)-1].Type != domain.RecordDeleted {
		t.Fatal("the good events did not survive their neighbours")
	}
	for i, a := range got[1 : len(got)-1] {
		if a.Type != domain.SourceRaw || a.Raw == nil || a.Raw.Reason == "" || string(a.Raw.Body) != bad[i] {
			t.Errorf("%s: %+v", bad[i], a)
		}
		if a.OccurredAt == 0 || a.Key == "" {
			t.Errorf("%s: without a time or a key", bad[i])
		}
	}
}

// TestRedeliveryHasTheSameKey: only attemptNumber and the order of fields may differ.
func TestRedeliveryHasTheSameKey(t *testing.T) {
	c := verifier(t, "s")
	first := event("contact.propertyChange", `,"propertyName":"a","propertyValue":"<b>"`)
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(first), &fields); err != nil {
		t.Fatal(err)
	}
	fields["attemptNumber"] = json.RawMessage("3")
	again, _ := json.Marshal(fields)
	got := arrivals(t, c, first, string(again), strings.Replace(first, "<b>", "<c>", 1),
		strings.Replace(first, `"eventId":2`, `"eventId":12345678901234567890`, 1))
	if got[0].Key != got[1].Key || got[0].KeyTime != got[1].KeyTime {
		t.Error("a redelivery got another key")
	}
	if got[0].Key == got[2].Key || got[0].Key == got[3].Key {
		t.Error("different events got the same key")
	}
	if strings.Contains(got[0].Key, "attemptNumber") {
		t.Error("the key holds the attempt")
	}
}

func TestTestButtonIsIgnored(t *testing.T) {
	button := `{"eventId":100,"subscriptionId":3,"portalId":4,"occurredAt":1700000000123,` +
		`"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW"}`
	got := arrivals(t, verifier(t, "s"), button, event("contact.associationChange", ""))
	if !got[0].Ignored || !got[1].Ignored {
		t.Errorf("ignored: %v, %v", got[0].Ignored, got[1].Ignored)
	}
}
