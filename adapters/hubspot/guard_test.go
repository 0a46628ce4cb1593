package hubspot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// guarded is a write of a first name that was decided on while it was Ann.
func guarded(id, first string) adapters.Write {
	return adapters.Write{
		Record:  domain.Record{System: domain.HubSpot, ID: id},
		Values:  map[string]json.RawMessage{"firstname": raw(first), "city": raw("Berlin")},
		Expects: map[string]planner.Expected{"firstname": {Property: "firstname", Value: raw("Ann")}},
		Tried:   map[string][]json.RawMessage{"firstname": {raw("Fay")}},
	}
}

func shown(portal *sandbox.Sandbox, id string) map[string]string {
	for _, c := range portal.All() {
		if c.ID == id {
			return c.Properties
		}
	}
	return nil
}

// TestGuard: a value goes over what it was decided on and over what we wrote ourselves, not over a person's; the rest of
// the write goes out, and what the person wrote is told, as of the look: it may be changed again before the write. What was saved with it is told with its time, and was
// gone over, so ours is a microsecond later.
func TestGuard(t *testing.T) {
	const app = "900100"
	for _, c := range []struct {
		name, app, theirs, ours string // typed by a person, then written by us; none: not done
		kept                    bool
	}{
		{"unchanged", app, "", "", false},
		{"changed", app, "Cyd", "", true},
		{"emptied", app, "-", "", true},
		{"the same was typed", app, "Bob", "", false},
		{"an earlier write came late", app, "", "Eve", false},
		{"it came after a person's", app, "Cyd", "Eve", false},
		{"our app is not known", "", "", "Eve", true},
		{"nor is it, and that was tried", "", "", "Fay", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			portal, client := open(t, sandbox.Config{}, hubspot.Config{
				AppID: c.app, Clock: func() time.Time { return time.Now().Add(time.Hour) }, // records tell their own times
			})
			id := made(t, portal, map[string]string{"firstname": "Ann", "lastname": "Lee"})
			if c.theirs != "" {
				edit(t, portal, id, map[string]string{"firstname": map[bool]string{false: c.theirs}[c.theirs == "-"]})
			}
			if c.ours != "" {
				if got := client.Write(t.Context(), []adapters.Write{{
					Record: domain.Record{System: domain.HubSpot, ID: id}, Values: map[string]json.RawMessage{"firstname": raw(c.ours)},
				}})[0]; got.Err != nil {
					t.Fatal(got.Err)
				}
			}
			was, before := shown(portal, id)["firstname"], read(t, client, "id", id)[0].Records[0].Clock
			reads := portal.Stats().Reads
			got := client.Write(t.Context(), []adapters.Write{guarded(id, "Bob")})[0]
			now := shown(portal, id)
			if got.Err != nil || now["city"] != "Berlin" || string(got.Shows["city"]) != `"Berlin"` {
				t.Fatalf("%+v, and shows %v", got, now)
			}
			want, refused := "Bob", ""
			if c.kept {
				want, refused = was, domain.ReasonChanged
			}
			if now["firstname"] != want || string(got.Shows["firstname"]) != string(raw(want)) || got.Refused["firstname"] != refused {
				t.Errorf("%+v, and shows %v, want %q", got, now, want)
			}
			if n := portal.Stats().Reads - reads; n != 1 || (got.Clock == before+1) != c.kept {
				t.Errorf("%d reads, as of %d, and it was %d", n, got.Clock, before)
			}
		})
	}
}

func edit(t *testing.T, portal *sandbox.Sandbox, id string, props map[string]string) {
	t.Helper()
	if err := portal.Edit(id, props, "7"); err != nil {
		t.Fatal(err)
	}
}

// TestGuardLeavesNothing: nothing is sent when everything was changed there, or HubSpot refuses the rest, and what shows
// is told all the same.
func TestGuardLeavesNothing(t *testing.T) {
	portal, client := open(t, sandbox.Config{}, hubspot.Config{})
	id := made(t, portal, map[string]string{"firstname": "Cyd"})
	for _, bad := range []bool{false, true} {
		w := guarded(id, "Bob")
		if delete(w.Values, "city"); bad {
			w.Values["date_of_birth"] = raw("some day")
		}
		got := client.Write(t.Context(), []adapters.Write{w})[0]
		var e *adapters.Error
		if !errors.As(got.Err, &e) || e.Class != adapters.Rejected || e.Reason != domain.ReasonChanged ||
			e.Refused["firstname"] != domain.ReasonChanged || (e.Refused["date_of_birth"] != "") != bad {
			t.Fatalf("%v: %+v", got.Err, e)
		}
		if string(got.Shows["firstname"]) != `"Cyd"` || got.Record.ID != id || got.Clock == 0 {
			t.Errorf("%+v", got)
		}
	}
}

// TestGuardLearnsOurApp: HubSpot names the app in each webhook.
func TestGuardLearnsOurApp(t *testing.T) {
	portal, client := open(t, sandbox.Config{}, hubspot.Config{})
	if _, err := client.Translate(adapters.Delivery{Body: []byte(`[{"appId":900100}]`)}); err != nil {
		t.Fatal(err)
	}
	id := made(t, portal, map[string]string{"firstname": "Ann"})
	for _, first := range []string{"Eve", "Bob"} {
		if got := client.Write(t.Context(), []adapters.Write{guarded(id, first)})[0]; got.Err != nil || len(got.Refused) > 0 {
			t.Fatalf("%s: %+v", first, got)
		}
	}
}

// TestGuardRequests: only fields that are guarded cost a read, one for fifty records.
func TestGuardRequests(t *testing.T) {
	portal, client := open(t, sandbox.Config{}, hubspot.Config{})
	if err := portal.Seed(sandboxkit.People(1, 100)); err != nil {
		t.Fatal(err)
	}
	var writes []adapters.Write
	for i, id := range portal.IDs() {
		w := guarded(id, fmt.Sprint("P", i))
		w.Expects["firstname"] = planner.Expected{Property: "firstname", Value: raw(shown(portal, id)["firstname"])}
		if i >= 60 {
			w.Expects = nil
		}
		writes = append(writes, w)
	}
	for n, want := range map[int]int{100: 2, 40: 0} {
		before := portal.Stats().Reads
		for i, got := range client.Write(t.Context(), writes[len(writes)-n:]) {
			if got.Err != nil || len(got.Refused) > 0 {
				t.Fatalf("write %d: %+v", i, got)
			}
		}
		if got := portal.Stats().Reads - before; got != want {
			t.Errorf("%d writes: %d reads, want %d", n, got, want)
		}
	}
}

// TestGuardFails: where HubSpot cannot be looked at, what is guarded waits, in no doubt, and the rest goes out.
func TestGuardFails(t *testing.T) {
	portal, client := open(t, sandbox.Config{}, hubspot.Config{})
	a, b := made(t, portal, map[string]string{"firstname": "Ann"}), made(t, portal, map[string]string{"firstname": "Ann"})
	free := guarded(b, "Bob")
	free.Expects = nil
	portal.Injector().Next(sandboxkit.FailBefore)
	got := client.Write(t.Context(), []adapters.Write{guarded(a, "Bob"), free})
	var e *adapters.Error
	if !errors.As(got[0].Err, &e) || e.Class != adapters.Retry || !e.Unsent || got[1].Err != nil {
		t.Fatalf("%+v", got)
	}
	if shown(portal, a)["firstname"] != "Ann" || shown(portal, b)["firstname"] != "Bob" {
		t.Error("the guarded one was written, or the other was not")
	}
}
