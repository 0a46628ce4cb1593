package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/operations"
)

// standApart is a rig of n pairs whose city was changed in Aloware while that was blocked, and may flow now.
func standApart(t *testing.T, database string, n int) *rig {
	t.Helper()
	var people []sandboxkit.Person
	for i := range n {
		f := sandboxkit.Fields{
			"first_name": "P" + strconv.Itoa(i), "email": fmt.Sprintf("p%d@people.example", i),
			"phone_number": fmt.Sprintf("+1212555%04d", 1000+i), "city": "London",
		}
		people = append(people, sandboxkit.Person{HubSpot: f.HubSpot(), Aloware: f})
	}
	r := start(t, plan{database: database, people: people, change: func(s *settings.Settings) {
		s.Contacts.Create, s.Contacts.Update = settings.ToAloware, settings.ToAloware
	}})
	r.settle()
	for i, c := range r.aloware.All() {
		r.must(r.aloware.Edit(c.ID, map[string]any{"city": "Paris " + strconv.Itoa(i)}))
	}
	r.settle()
	r.set(func(s *settings.Settings) { s.Contacts.Update = settings.Both })
	r.settle()
	return r
}

// cities counts the records of HubSpot that still show London, and the others.
func (r *rig) cities() (london, other int) {
	for _, c := range r.hubspot.All() {
		if c.Properties["city"] == "London" {
			london++
		} else {
			other++
		}
	}
	return london, other
}

// TestWhoChangedSinceIsSkipped: a contact that changed after the plan was made is left alone and listed; the others
// are done, and what the guards count does not stop them.
func TestWhoChangedSinceIsSkipped(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := standApart(t, database, 15)
		p := r.planned("push/contacts", nil)
		r.counted("push", p.Counts, map[string]int64{domain.CountUpdatesHubSpot: 15})
		if len(p.Samples) != 10 {
			t.Errorf("%d samples, want 10", len(p.Samples))
		}
		changed := r.hubspot.All()[3]
		r.must(r.hubspot.Edit(changed.ID, map[string]string{"firstname": "Somebody"}, "7"))
		r.settle()
		o := r.applied(p)
		r.counted("pushed", o.Counts, map[string]int64{domain.CountUpdatesHubSpot: 14, domain.CountSkipped: 1})
		if len(o.Skipped) != 1 || o.Skipped[0] != r.contact("hubspot:"+changed.ID).ID.String() {
			t.Errorf("skipped %v", o.Skipped)
		}
		if london, other := r.cities(); london != 1 || other != 14 {
			t.Errorf("%d of HubSpot show what they did, %d what Aloware has", london, other)
		}
		r.verified()
	})
}

// TestPlansAreImmutable: a row that was changed behind the plan's back is not applied.
func TestPlansAreImmutable(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := standApart(t, database, 3)
		p, other := r.planned("push/contacts", nil), r.planned("push/contacts", nil)
		if p.Name == other.Name || p.Digest != other.Digest {
			t.Errorf("%s has digest %s, %s has %s", p.Name, p.Digest, other.Name, other.Digest)
		}
		_, err := r.Store.Exec(t.Context(), `UPDATE plan_row SET contact = $1 WHERE connection = $2 AND plan = $3 AND n = 1`,
			p.Samples[0].Contact.String(), "default", p.ID)
		r.must(err)
		if o := r.applied(p); o.State != operations.Failed || !strings.Contains(o.Failure, "not those") {
			t.Errorf("applied: %s %s", o.State, o.Failure)
		}
		if _, sent := r.cities(); sent != 0 {
			t.Errorf("%d were sent", sent)
		}
		r.set(func(s *settings.Settings) { fieldOf(s, "city").Conflict = settings.AlowareWins })
		status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/plans/"+other.Name+"/apply", "test", map[string]string{"reason": "late"})
		if status != http.StatusConflict || !strings.Contains(string(b), "settings were changed") {
			t.Errorf("under other settings: %d %s", status, b)
		}
	})
}

// begun applies a plan that waits for its part of the day, and returns the operation's id.
func (r *rig) begun(p httpapi.Plan) string {
	r.t.Helper()
	status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/plans/"+p.Name+"/apply", "test", map[string]string{"reason": "test"})
	var done httpapi.Done
	if status != http.StatusOK || json.Unmarshal(b, &done) != nil {
		r.t.Fatalf("apply: %d %s", status, b)
	}
	return done.ID
}

// hoursFrom is an hour of the day, so many hours from now.
func hoursFrom(n int) string {
	at := time.Now().UTC().Add(time.Duration(n) * time.Hour)
	return at.Format("15:04") + "-" + at.Add(time.Hour).Format("15:04")
}

// TestOperationsRest: an operation waits for its part of the day; what it has not decided when it is paused is decided
// under the mapping that was fixed meanwhile; a cancelled one leaves everything as it is.
func TestOperationsRest(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := standApart(t, database, 4)
		night := func(s *settings.Settings) { s.TimeZone, s.Limits.BigJobs = "UTC", hoursFrom(6) }
		r.set(night)
		r.settle()
		p, other := r.planned("push/contacts", nil), r.planned("push/contacts", nil)
		id := r.begun(p)
		r.wait("it waits", func(ctx context.Context) (bool, error) {
			o, err := r.Operation(ctx, id)
			return strings.Contains(o.Waits, "limits.big_jobs"), err
		})
		r.told("operations/"+id+"/pause", map[string]string{"reason": "wrong mapping"})
		r.set(func(s *settings.Settings) { s.Limits.BigJobs, fieldOf(s, "city").Direction = "", settings.ToAloware })
		r.settle()
		if o := asked[httpapi.Operation](r, "operations/"+id); o.State != operations.Paused || o.Done != 0 {
			t.Errorf("paused: %+v", o)
		}
		r.told("operations/"+id+"/resume", map[string]string{"reason": "fixed"})
		o := r.over(id)
		r.counted("resumed", o.Counts, map[string]int64{domain.CountDone: 4, domain.CountUpdatesHubSpot: 0})
		if _, sent := r.cities(); sent != 0 {
			t.Errorf("%d were sent under the wrong mapping", sent)
		}

		r.set(night)
		r.set(func(s *settings.Settings) { fieldOf(s, "city").Direction = settings.Both })
		r.settle()
		r.told("plans/"+other.Name+"/discard", map[string]string{"reason": "test"})
		id = r.begun(r.planned("push/contacts", nil))
		r.told("operations/"+id+"/cancel", map[string]string{"reason": "test"})
		if o := r.over(id); o.State != operations.Cancelled {
			t.Errorf("cancelled: %+v", o)
		}
		r.set(func(s *settings.Settings) { s.Limits.BigJobs = "" })
		r.settle()
		if _, sent := r.cities(); sent != 0 {
			t.Errorf("%d were sent by what was cancelled", sent)
		}
		r.verified()
	})
}

// TestBackFill: reconcile fills a newly mapped field where one side is blank, overwrites nothing, and counts apart what
// differs. PAIRS says of how many (default 36).
func TestBackFill(t *testing.T) {
	t.Parallel()
	n := 36
	if env := os.Getenv("PAIRS"); env != "" {
		n, _ = strconv.Atoi(env)
	}
	eachBackend(t, func(t *testing.T, database string) {
		var people []sandboxkit.Person
		for i := range n {
			f := sandboxkit.Fields{
				"first_name": "P" + strconv.Itoa(i), "email": fmt.Sprintf("p%d@people.example", i),
				"phone_number": fmt.Sprintf("+1212%07d", 5_550_000+i), "website": fmt.Sprintf("https://a%d.example", i),
			}
			h := f.HubSpot()
			h["website"] = fmt.Sprintf("https://h%d.example", i)
			if i%3 == 0 {
				delete(h, "website")
			}
			people = append(people, sandboxkit.Person{HubSpot: h, Aloware: f})
		}
		var website settings.Field
		r := start(t, plan{database: database, people: people, patience: enough + time.Duration(n)*time.Second, change: func(s *settings.Settings) {
			website = *fieldOf(s, "website")
			for i := range s.Fields {
				if s.Fields[i].Name == "website" {
					s.Fields = append(s.Fields[:i], s.Fields[i+1:]...)
					break
				}
			}
		}})
		r.settle()
		website.Initial = settings.FillBlanks
		r.set(func(s *settings.Settings) { s.Fields = append(s.Fields, website) })
		r.settle()
		before := r.hubspot.Writes() + r.aloware.Writes()
		p := r.planned("reconcile", map[string]any{"field": "website"})
		blank := int64((n + 2) / 3)
		r.counted("back-fill", p.Counts, map[string]int64{
			domain.CountContacts: int64(n), domain.CountUpdatesHubSpot: blank, domain.CountApart: int64(n) - blank,
			domain.CountUpdatesAloware: 0,
		})
		if wrote := r.hubspot.Writes() + r.aloware.Writes() - before; wrote != 0 {
			t.Errorf("%d writes before anybody confirmed", wrote)
		}
		r.applied(p)
		for _, c := range r.hubspot.All() {
			i, _ := strconv.Atoi(strings.TrimPrefix(c.Properties["firstname"], "P"))
			want := fmt.Sprintf("https://h%d.example", i)
			if i%3 == 0 {
				want = fmt.Sprintf("https://a%d.example", i)
			}
			if c.Properties["website"] != want {
				t.Errorf("HubSpot shows %s, want %s", c.Properties["website"], want)
			}
		}
		for _, c := range r.aloware.All() {
			if want := "https://a" + strings.TrimPrefix(c.Properties["first_name"], "P") + ".example"; c.Properties["website"] != want {
				t.Errorf("Aloware shows %s, want %s", c.Properties["website"], want)
			}
		}
		if again := r.planned("reconcile", map[string]any{"field": "website"}); again.Rows != 0 {
			t.Errorf("again: %v", again.Counts)
		}
		r.verified()
		r.spent(p.Name)
	})
}

// spent: months later the rows of a plan that was carried out are gone, but for its samples; its counts, and those of the
// operation, are there, and the operation can be undone. A plan that was not carried out has all its rows.
func (r *rig) spent(name string) {
	r.t.Helper()
	waits := r.planned("undo", map[string]any{"operation": asked[httpapi.Plan](r, "plans/"+name).Operation})
	before := asked[httpapi.Plan](r, "plans/"+name)
	if before.Spent {
		r.t.Error("spent at once")
	}
	r.stop()
	r.config.Clock = func() time.Time { return time.Now().Add(91 * 24 * time.Hour) }
	r.node = r.boot()
	r.waitFor("the rows to go", func() bool {
		left, err := r.PlanRows(r.t.Context(), name, 0, 1000)
		r.must(err)
		return len(left) == len(before.Samples)
	})
	after := asked[httpapi.Plan](r, "plans/"+name)
	if !after.Spent || len(after.Samples) != 10 || !reflect.DeepEqual(after.Samples, before.Samples) || !reflect.DeepEqual(after.Counts, before.Counts) {
		r.t.Errorf("%+v, was %+v", after, before)
	}
	if left, err := r.PlanRows(r.t.Context(), waits.Name, 0, 1_000_000); err != nil || int64(len(left)) != waits.Rows || waits.Rows < 12 {
		r.t.Errorf("%d rows of %d of the plan that waits: %v", len(left), waits.Rows, err)
	}
	again := r.planned("undo", map[string]any{"operation": before.Operation})
	if again.Rows != waits.Rows {
		r.t.Errorf("an undo of what is spent has %d rows, want %d", again.Rows, waits.Rows)
	}
}
