package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/replay"
)

// shownBy is what both sandboxes show of everybody, but for when it was changed.
func (r *rig) shownBy() map[string]map[string]string {
	all := map[string]map[string]string{}
	keep := func(record string, properties map[string]string) {
		all[record] = maps.Clone(properties)
		maps.DeleteFunc(all[record], func(name, _ string) bool {
			return strings.Contains(name, "modified") || strings.Contains(name, "updated")
		})
	}
	for _, c := range r.hubspot.All() {
		keep("hubspot:"+c.ID, c.Properties)
	}
	for _, c := range r.aloware.All() {
		keep("aloware:"+c.ID, c.Properties)
	}
	return all
}

// replayed decides again on everything, and finds nothing that differs.
func (r *rig) replayed() {
	r.t.Helper()
	sum, err := replay.Run(r.t.Context(), replay.Config{DB: r.Store, Log: r.Log})
	r.must(err)
	if sum.Differences() > 0 {
		r.t.Errorf("replay: %v, the first %+v", sum.Differing, *sum.First)
	}
}

// owned is a rig of n pairs that belong to Priya, of whom Duolog also knows Dana and Sam.
func owned(t *testing.T, database string, n int) *rig {
	t.Helper()
	var people []sandboxkit.Person
	for i := range n {
		f := sandboxkit.Fields{
			"first_name": "P" + strconv.Itoa(i), "email": fmt.Sprintf("p%d@people.example", i),
			"phone_number": fmt.Sprintf("+1212%07d", 5_550_000+i), "city": "London",
		}
		h := f.HubSpot()
		h["hubspot_owner_id"], f["user_id"] = "71", "3"
		people = append(people, sandboxkit.Person{HubSpot: h, Aloware: f})
	}
	r := start(t, plan{database: database, people: people, patience: enough + time.Duration(n)*time.Second, change: func(s *settings.Settings) {
		f := s.NewField(settings.OwnerField, "hubspot_owner_id")
		f.People = map[string]string{"s.ortiz@acme.example": "sam.ortiz@acme.example"}
		s.Fields = append(s.Fields, f)
	}})
	r.aloware.AddUser("S.Ortiz@acme.example", "Sam Ortiz")
	r.pulled("owners")
	r.settle()
	return r
}

// TestUndoOfAMassChange: everybody's owner is changed in HubSpot, and so in Aloware; undone with its source, both show
// what they did, but for who was edited since, who is listed by name. PAIRS says of how many (default 20).
func TestUndoOfAMassChange(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		n := 20
		if env := os.Getenv("PAIRS"); env != "" {
			n, _ = strconv.Atoi(env)
		}
		r := owned(t, database, n)
		before, from := r.shownBy(), time.Now()
		everybody := r.hubspot.All()
		for _, c := range everybody {
			r.must(r.hubspot.Edit(c.ID, map[string]string{"hubspot_owner_id": "73"}, "7"))
		}
		r.patient()
		r.settle()
		to := time.Now()
		edited, moved := everybody[3], everybody[5]
		r.must(r.hubspot.Edit(edited.ID, map[string]string{"hubspot_owner_id": "72"}, "7"))
		r.must(r.hubspot.Edit(moved.ID, map[string]string{"city": "Paris"}, "7"))
		r.settle()
		r.undoes(map[string]any{"from": from, "to": to, "field": "owner", "include_source": true}, int64(n), before, edited.ID, moved.ID)
		r.replayed()
		r.verified()
	})
}

// undoes plans and applies the undo of what changed since, of n contacts of whom one was edited and another one moved.
func (r *rig) undoes(asked map[string]any, n int64, before map[string]map[string]string, edited, moved string) {
	r.t.Helper()
	written := r.written()
	p := r.planned("undo", asked)
	r.counted("plan", p.Counts, map[string]int64{
		domain.CountContacts: n, domain.CountUpdatesHubSpot: n - 1, domain.CountUpdatesAloware: n - 1, domain.CountChanged: 1,
	})
	if len(p.Left) != 1 || p.Left[0].Sample == nil || p.Left[0].Sample.Person != "P3" || p.Left[0].What.Left[0].Why != "changed since" {
		r.t.Errorf("left: %+v", p.Left)
	}
	if r.written() != written || p.Rows != 2*(n-1) || len(p.Samples) != 10 {
		r.t.Errorf("%d writes, %d rows, %d samples", r.written()-written, p.Rows, len(p.Samples))
	}
	o := r.applied(p)
	r.counted("undo", o.Counts, map[string]int64{
		domain.CountUpdatesHubSpot: n - 1, domain.CountUpdatesAloware: n - 1, domain.CountSkipped: 0, domain.CountRefused: 0,
	})
	if got := r.written() - written; int64(got) != 2*(n-1) {
		r.t.Errorf("%d writes, want one for each of %d on each side", got, n-1)
	}
	for record, shows := range r.shownBy() {
		k := r.contact(record)
		for name, value := range shows {
			was := before[record][name]
			isEdited, isMoved := holdsRecord(k, "hubspot:"+edited), holdsRecord(k, "hubspot:"+moved)
			if value != was && (!isEdited || !strings.Contains(name, "owner") && name != "user_id") && (!isMoved || !strings.HasSuffix(name, "city")) {
				r.t.Errorf("%s shows %s %q, and %q before", record, name, value, was)
			}
		}
	}
	r.agreed()
	if head := r.head(); r.planned("undo", map[string]any{"operation": o.ID, "known": true}).Rows != 2*(n-1) || r.written()-written != int(2*(n-1)) {
		r.t.Errorf("since %d: an undo of the undo would put all of it back, and nothing was sent meanwhile", head)
	}
}

func holdsRecord(c contacts.Contact, record string) bool {
	for _, m := range c.Records {
		if string(m.System)+":"+m.ID == record {
			return true
		}
	}
	return false
}

// TestUndoKeepsApart: undone without its source, a field stays apart whatever happens, until that changes there; what
// cannot be emptied is listed.
func TestUndoKeepsApart(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := standing(t, database, nil)
		h, a := r.hubspot.All()[0], r.aloware.All()[0]
		from := time.Now()
		r.must(r.hubspot.Edit(h.ID, map[string]string{"city": "Rome", "website": "https://ann.example"}, "7"))
		r.settle()
		r.same("Aloware", r.twinOf(a.ID), map[string]string{"cnam_city": "Rome", "website": "https://ann.example"})
		p := r.planned("undo", map[string]any{"from": from})
		if p.Rows != 1 || p.Why["website in Aloware: was empty before, and Aloware cannot be emptied"] != 1 || len(p.Left) != 1 {
			t.Errorf("%d rows, left %v", p.Rows, p.Why)
		}
		if o := r.applied(p); len(o.Skipped) > 0 {
			t.Errorf("skipped %v", o.Skipped)
		}
		r.must(r.hubspot.Edit(h.ID, map[string]string{"firstname": "Zoe"}, "7"))
		r.settle()
		if p := r.planned("reconcile", nil); p.Rows != 0 {
			t.Errorf("a reconcile would do %v", p.Counts)
		}
		r.same("Aloware", r.twinOf(a.ID), map[string]string{"cnam_city": "London", "first_name": "Zoe", "website": "https://ann.example"})
		if f := r.ofField("hubspot:"+h.ID, "city"); f.State != contacts.Apart || !strings.HasPrefix(f.Reason, "undone") {
			t.Errorf("city: %+v", f)
		}
		r.must(r.hubspot.Edit(h.ID, map[string]string{"city": "Oslo"}, "7"))
		r.settle()
		r.same("Aloware", r.twinOf(a.ID), map[string]string{"cnam_city": "Oslo"})
		r.refusesUndo(map[string]any{}, "an undo is of a time")
		r.refusesUndo(map[string]any{"settings_version": 9}, "no version 9")
		r.refusesUndo(map[string]any{"operation": "01M3DMC6W0000000000000000B"}, "no operation")
		r.replayed()
	})
}

// standing is a rig of one pair that agrees.
func standing(t *testing.T, database string, change func(*settings.Settings)) *rig {
	t.Helper()
	f := sandboxkit.Fields{"first_name": "Ann", "email": "ann@people.example", "phone_number": "+12125551000", "city": "London"}
	r := start(t, plan{database: database, change: change, people: []sandboxkit.Person{{HubSpot: f.HubSpot(), Aloware: f}}})
	r.settle()
	return r
}

func (r *rig) twinOf(aloware string) map[string]string {
	r.t.Helper()
	c, ok := r.aloware.Contact(aloware)
	if !ok {
		r.t.Fatalf("Aloware has no %s", aloware)
	}
	return c.Properties
}

// refusesUndo checks that what cannot be asked for is refused.
func (r *rig) refusesUndo(body map[string]any, says string) {
	r.t.Helper()
	body["reason"] = "test"
	status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/undo", "test", body)
	if status/100 != 4 || !strings.Contains(string(b), says) {
		r.t.Errorf("%v: %d %s", body, status, b)
	}
}
