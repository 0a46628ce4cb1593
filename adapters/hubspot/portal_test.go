package hubspot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

func prepared(t *testing.T, cfg sandbox.Config) (*sandbox.Sandbox, *hubspot.Client) {
	t.Helper()
	portal, c := open(t, cfg, hubspot.Config{})
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return portal, c
}

func made(t *testing.T, portal *sandbox.Sandbox, props map[string]string) string {
	t.Helper()
	id, err := portal.Create(props, "7")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func read(t *testing.T, c *hubspot.Client, by string, values ...string) []adapters.ReadAnswer {
	t.Helper()
	reqs := make([]adapters.ReadRequest, len(values))
	for i, v := range values {
		reqs[i] = adapters.ReadRequest{By: by, Value: v, Properties: []string{"firstname", "city"}}
	}
	got := c.Read(t.Context(), reqs)
	for i, a := range got {
		if a.Err != nil {
			t.Fatalf("by %s, request %d: %v", by, i, a.Err)
		}
	}
	return got
}

func raw(v string) json.RawMessage {
	b, _ := json.Marshal(v)
	return b
}

// TestReadMerged: both old ids lead to the survivor, which has a third id and names them as aliases.
func TestReadMerged(t *testing.T) {
	portal, c := prepared(t, sandbox.Config{})
	a := made(t, portal, map[string]string{"email": "a@x.example", "firstname": "Ann"})
	b := made(t, portal, map[string]string{"email": "b@x.example", "city": "Berlin"})
	survivor, err := portal.Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	gone := made(t, portal, map[string]string{"email": "c@x.example"})
	if err := portal.Delete(gone); err != nil {
		t.Fatal(err)
	}
	got := read(t, c, "id", a, b, survivor, gone, "404404", "no-number")
	for i, answer := range got[:3] {
		if len(answer.Records) != 1 || answer.Records[0].Record.ID != survivor {
			t.Fatalf("request %d: %+v", i, answer)
		}
		if len(answer.Records[0].Aliases) != 2 {
			t.Errorf("request %d: aliases %v", i, answer.Records[0].Aliases)
		}
	}
	for i, answer := range got[3:] {
		if len(answer.Records) != 0 {
			t.Errorf("missing record %d: %+v", i, answer)
		}
	}
	secondary := read(t, c, "email", "a@x.example", "b@x.example", "nobody@x.example")
	for i := range 2 {
		if len(secondary[i].Records) != 1 || secondary[i].Records[0].Record.ID != survivor {
			t.Errorf("by email %d: %+v", i, secondary[i])
		}
	}
	if len(secondary[2].Records) != 0 {
		t.Errorf("nobody was found: %+v", secondary[2])
	}
}

func TestReadByPhone(t *testing.T) {
	portal, c := prepared(t, sandbox.Config{})
	want := map[string][]string{}
	for i, written := range []string{
		"+14155550132", "(415) 555-0133", "415.555.0134", "1 415 555 0135", "+44 20 7946 0958", "415-555-0132",
	} {
		id := made(t, portal, map[string]string{"firstname": "P", "phone": written})
		e164 := []string{"+14155550132", "+14155550133", "+14155550134", "+14155550135", "+442079460958", "+14155550132"}[i]
		want[e164] = append(want[e164], id)
	}
	mobile := made(t, portal, map[string]string{"firstname": "M", "mobilephone": "(415) 555-0199"})
	want["+14155550199"] = []string{mobile}
	for e164, ids := range want {
		var got []string
		for _, s := range read(t, c, "phone", e164)[0].Records {
			got = append(got, s.Record.ID)
		}
		slices.Sort(got)
		if slices.Sort(ids); !slices.Equal(got, ids) {
			t.Errorf("…%s: %v, want %v", e164[len(e164)-4:], got, ids)
		}
	}
}

// TestRegionChanges: a number written without its country is read as one of the country that the settings say now.
func TestRegionChanges(t *testing.T) {
	portal, c := prepared(t, sandbox.Config{})
	const e164 = "+442079460111"
	id := made(t, portal, map[string]string{"firstname": "P", "phone": "020 7946 0111"})
	if got := read(t, c, "phone", e164)[0]; len(got.Records) != 0 {
		t.Errorf("in the US: %+v", got)
	}
	c.Adjust(settings.Settings{PhoneRegion: "GB", Limits: settings.Limits{HubSpotShare: 100}})
	if got := read(t, c, "phone", e164)[0]; len(got.Records) != 1 || got.Records[0].Record.ID != id {
		t.Errorf("in Britain: %+v", got)
	}
}

// TestSearchLags: what was just made is found by id and email, not yet by phone.
func TestSearchLags(t *testing.T) {
	at := time.Now()
	portal, c := prepared(t, sandbox.Config{
		Clock: func() time.Time { return at }, Faults: sandboxkit.Faults{SearchLag: time.Minute},
	})
	id := made(t, portal, map[string]string{"email": "a@x.example", "phone": "+14155550132"})
	if got := read(t, c, "phone", "+14155550132")[0]; len(got.Records) != 0 {
		t.Fatal("search saw the present")
	}
	if got := read(t, c, "email", "a@x.example")[0]; len(got.Records) != 1 || got.Records[0].Record.ID != id {
		t.Fatal("a batch read did not see the present")
	}
	at = at.Add(2 * time.Minute)
	if got := read(t, c, "phone", "+14155550132")[0]; len(got.Records) != 1 {
		t.Fatal("search never saw it")
	}
}

func TestReadAndScanMany(t *testing.T) {
	portal, c := prepared(t, sandbox.Config{})
	if err := portal.Seed(sandboxkit.People(1, 230)); err != nil {
		t.Fatal(err)
	}
	ids := portal.IDs()
	for i, a := range read(t, c, "id", ids...) {
		if len(a.Records) != 1 || a.Records[0].Record.ID != ids[i] {
			t.Fatalf("request %d: %+v", i, a)
		}
	}
	pages, seen := 0, 0
	if err := c.Scan(t.Context(), []string{"city"}, func(s []adapters.Snapshot) error {
		pages, seen = pages+1, seen+len(s)
		return nil
	}); err != nil || pages != 3 || seen != 230 {
		t.Fatalf("%d records on %d pages, %v", seen, pages, err)
	}
}

// TestClockOfARead: values count from the last change, or from the read when the portal's clock is ahead of ours.
func TestClockOfARead(t *testing.T) {
	at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	portal, changed := sandbox.Config{Clock: func() time.Time { return at }}, at
	sb, c := open(t, portal, hubspot.Config{Clock: func() time.Time { return at.Add(time.Hour) }})
	id := made(t, sb, map[string]string{"firstname": "Ann"})
	if got := read(t, c, "id", id)[0].Records[0].Clock; got != changed.UnixMicro() {
		t.Errorf("clock %d, want the last change", got)
	}
	sb, c = open(t, portal, hubspot.Config{Clock: func() time.Time { return at.Add(-time.Hour) }})
	id = made(t, sb, map[string]string{"firstname": "Ann"})
	if got := read(t, c, "id", id)[0].Records[0].Clock; got != at.Add(-time.Hour).UnixMicro() {
		t.Errorf("clock %d, want the request's begin", got)
	}
}

// TestUpdateToATakenEmail: the email is refused, the rest is written.
func TestUpdateToATakenEmail(t *testing.T) {
	portal, c := prepared(t, sandbox.Config{})
	made(t, portal, map[string]string{"email": "a@x.example"})
	b := made(t, portal, map[string]string{"email": "b@x.example"})
	got := c.Write(t.Context(), []adapters.Write{{
		Record: domain.Record{System: domain.HubSpot, ID: b},
		Values: map[string]json.RawMessage{"email": raw("A@x.example"), "city": raw("Berlin")},
	}})[0]
	if got.Err != nil || got.Refused["email"] == "" || string(got.Shows["city"]) != `"Berlin"` {
		t.Fatalf("%+v", got)
	}
}

// TestNormalisedValues: what is shown is what HubSpot made of the value.
func TestNormalisedValues(t *testing.T) {
	_, c := prepared(t, sandbox.Config{})
	got := c.Write(t.Context(), []adapters.Write{{
		Create: true, Contact: ulid.Make(), Values: map[string]json.RawMessage{
			"email": raw("Zoe@X.example"), "lastname": raw(" van  Dyk "), "date_of_birth": raw("1709164800000"),
		},
	}})[0]
	for name, want := range map[string]string{
		"email": `"zoe@x.example"`, "lastname": `"van Dyk"`, "date_of_birth": `"2024-02-29"`,
	} {
		if string(got.Shows[name]) != want {
			t.Errorf("%s: %s, want %s", name, got.Shows[name], want)
		}
	}
}

func TestWriteMany(t *testing.T) {
	portal, c := prepared(t, sandbox.Config{})
	writes := make([]adapters.Write, 250)
	for i := range writes {
		writes[i] = adapters.Write{Create: true, Contact: ulid.Make(), Values: map[string]json.RawMessage{
			"email": raw(fmt.Sprintf("p%d@x.example", i%249)), // the last one meets the first
		}}
	}
	got := c.Write(t.Context(), writes)
	var e *adapters.Error
	if !errors.As(got[249].Err, &e) || e.Reason != domain.ReasonExists || e.Existing != got[0].Record {
		t.Fatalf("the double: %+v", got[249])
	}
	if n := portal.Stats().Contacts; n != 249 {
		t.Fatalf("%d contacts", n)
	}
}

func TestOAuth(t *testing.T) {
	cfg := hubspot.Config{ClientID: "id", ClientSecret: "s", RefreshToken: "good"}
	for _, version := range []string{"2026-09", "v3"} {
		cfg.APIVersion = version
		_, c := open(t, sandbox.Config{RefreshToken: "good", Token: "another"}, cfg)
		if account, err := c.Identify(t.Context()); err != nil || account != "4815162" {
			t.Errorf("%s: %q, %v", version, account, err)
		}
	}
}

// TestPrepareRefused: a property of ours that is not unique, and no room for another one.
func TestPrepareRefused(t *testing.T) {
	portal, c := open(t, sandbox.Config{}, hubspot.Config{})
	for i := range 10 {
		if err := portal.AddProperty(fmt.Sprintf("key_%d", i), true); err != nil {
			t.Fatal(err)
		}
	}
	var e *adapters.Error
	if err := c.Prepare(t.Context()); !errors.As(err, &e) || e.Reason != domain.ReasonImpossible {
		t.Fatalf("no room: %v", err)
	}
	portal, c = open(t, sandbox.Config{}, hubspot.Config{})
	if err := portal.AddProperty(hubspot.UniqueProperty, false); err != nil {
		t.Fatal(err)
	}
	if err := c.Prepare(t.Context()); !errors.As(err, &e) || e.Reason != domain.ReasonImpossible {
		t.Fatalf("not unique: %v", err)
	}
}

// TestCreatesUnderFaults: creates repeated until they succeed make each contact once, whatever fails in between.
func TestCreatesUnderFaults(t *testing.T) {
	portal, c := prepared(t, sandbox.Config{})
	portal.Injector().Set(sandboxkit.Faults{FailRate: 0.2, FailAfterCommitRate: 0.3})
	const n = 60
	open := make([]adapters.Write, n)
	for i := range open {
		open[i] = adapters.Write{Create: true, Contact: ulid.Make(), Values: map[string]json.RawMessage{
			"firstname": raw(fmt.Sprint("Ann", i)), // without an email nothing but our key tells them apart
		}}
	}
	for len(open) > 0 {
		var again []adapters.Write
		for part := range slices.Chunk(open, 7) {
			for i, a := range c.Write(t.Context(), part) {
				var e *adapters.Error
				if errors.As(a.Err, &e) && e.Class == adapters.Retry {
					again = append(again, part[i])
				} else if a.Err != nil {
					t.Fatal(a.Err)
				}
			}
		}
		open = again
	}
	if got := portal.Stats().Contacts; got != n {
		t.Fatalf("%d contacts of %d creates", got, n)
	}
}
