package planner_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// drive makes a random history: people edit on both sides, webhooks come late, twice and out of order, writes are
// repeated after doubt, the sync is paused and resumed.
func drive(w *world) {
	t := w.t
	for i := range rapid.IntRange(1, 3).Draw(t, "people") {
		side := rapid.SampledFrom(domain.Systems[:]).Draw(t, "born in")
		w.create(side, map[string]string{
			"phone_number": fmt.Sprintf("+1818212456%d", i), "email": fmt.Sprintf("p%d@example.com", i),
			"first_name": fmt.Sprintf("P%d", i),
		}, "")
	}
	paused := false
	for range rapid.IntRange(5, 60).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"edit", "edit", "plan", "plan", "plan", "send", "send", "doubt", "deliver", "deliver", "again", "pause", "operate"}).Draw(t, "step") {
		case "edit":
			w.randomEdit()
		case "plan":
			w.plan()
		case "send", "doubt":
			if n := len(w.outbox); n > 0 && !paused {
				w.dispatch(rapid.IntRange(0, n-1).Draw(t, "command"), rapid.IntRange(0, 4).Draw(t, "doubtful") == 0)
			}
		case "deliver":
			if n := len(w.hooks); n > 0 {
				w.deliver(rapid.IntRange(0, n-1).Draw(t, "hook"), false)
			}
		case "again":
			if n := len(w.hooks); n > 0 {
				w.deliver(rapid.IntRange(0, n-1).Draw(t, "hook"), true)
			}
		case "operate":
			w.operate(rapid.SampledFrom([]string{domain.OpPush, domain.OpPull, domain.OpMatch, domain.OpReconcile}).Draw(t, "operation"))
		case "pause":
			paused = !paused
			kind := domain.SyncResumed
			if paused {
				kind = domain.SyncPaused
			}
			w.append(kind, "connection", domain.Act{})
		}
	}
	if paused {
		w.append(domain.SyncResumed, "connection", domain.Act{})
	}
	w.settle()
}

func (w *world) randomEdit() {
	side := rapid.SampledFrom(domain.Systems[:]).Draw(w.t, "side")
	ids := slices.Sorted(maps.Keys(w.systems[side]))
	if len(ids) == 0 {
		return
	}
	rec := domain.Record{System: side, ID: rapid.SampledFrom(ids).Draw(w.t, "record")}
	field := rapid.SampledFrom([]string{"company_name", "first_name"}).Draw(w.t, "field")
	value := rapid.SampledFrom([]string{"Ann", "Bob", "Zoë  Smith", "Cyd"}).Draw(w.t, "value")
	w.edit(rec, field, value, false)
}

func preset(t interface{ Fatal(...any) }, name string) settings.Settings {
	s, err := settings.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConvergence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, guard := preset(t, "default"), rapid.Bool().Draw(t, "guard")
		for i := range s.Fields {
			s.Fields[i].Conflict = rapid.SampledFrom([]settings.Winner{settings.HubSpotWins, settings.AlowareWins, settings.NewestWins}).Draw(t, "conflict")
			s.Fields[i].Guard = guard
		}
		w := newWorld(t, s)
		w.unguarded = rapid.Bool().Draw(t, "unguarded")
		drive(w)
		w.checkAgreement()
	})
}

// checkAgreement: everybody stands in both systems once, and every field holds the same or is decided apart.
func (w *world) checkAgreement() {
	for _, c := range w.contacts() {
		var sides [2]map[string]string
		for i, s := range domain.Systems {
			n := 0
			for _, r := range w.view.Members(c.ID) {
				if r.ID.System == s && (r.Link.State == planner.Linked || r.Link.State == planner.Unlinked) {
					sides[i], n = w.systems[s][r.ID.ID], n+1
				}
			}
			if n != 1 {
				w.t.Fatalf("contact %s has %d records in %s\n%s", c.ID, n, s, w.story())
			}
		}
		for _, f := range fields {
			if st := c.Fields[f]; st.State == planner.Apart && (st.Result == planner.Refused || sides[0][f] == sides[1][f]) {
				w.t.Fatalf("%s of %s is said to be apart: %s\n%s", f, c.ID, text(st), w.story())
			}
			if sides[0][f] != sides[1][f] && c.Fields[f].State != planner.Apart {
				w.t.Fatalf("%s of %s: aloware %q, hubspot %q, state %s\n%s", f, c.ID, sides[0][f], sides[1][f], text(c.Fields[f]), w.story())
			}
		}
	}
	if len(w.systems[domain.HubSpot]) != len(w.systems[domain.Aloware]) {
		w.t.Fatalf("%d in HubSpot, %d in Aloware", len(w.systems[domain.HubSpot]), len(w.systems[domain.Aloware]))
	}
}

func (w *world) story() string {
	var b bytes.Buffer
	for _, e := range w.log {
		if e.in.Type != domain.SettingsChanged {
			fmt.Fprintf(&b, "%d %s %s %s\n", e.in.Position, e.in.Type, e.in.Stream, e.in.Data)
		}
	}
	return b.String()
}

// TestOrder: the live run, a rebuild in log order, and a restart at every position end in the same planner state.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, preset(t, "default"))
		drive(w)
		live := dump(w.view, w.log)
		w.sameAnew(t)
		if got := w.replay(t); got != live {
			t.Fatalf("restarted at every position:\n%s\nlive:\n%s", got, live)
		}
	})
}

// sameAnew folds the log in its order.
func (w *world) sameAnew(t *rapid.T) {
	rebuilt := planner.NewView(planner.Control{}, planner.NewDigester(secret))
	for _, e := range w.log {
		if e.dec != nil {
			rebuilt.Apply(roundTrip(t, *e.dec))
			continue
		}
		if _, err := rebuilt.Fold(e.in); err != nil {
			t.Fatal(err)
		}
	}
	if got, live := dump(rebuilt, w.log), dump(w.view, w.log); got != live {
		t.Fatalf("rebuilt in log order:\n%s\nlive:\n%s\n%s", got, live, w.story())
	}
}

func roundTrip[T any](t *rapid.T, v T) (out T) {
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// replay plans every input again, storing and loading all state between any two, and compares decision by decision.
func (w *world) replay(t *rapid.T) string {
	decided := map[string][]byte{}
	for _, e := range w.log {
		if e.dec != nil {
			decided[fmt.Sprint(e.dec.Input, e.dec.Contact)], _ = json.Marshal(e.dec)
		}
	}
	v := planner.NewView(planner.Control{}, planner.NewDigester(secret))
	again := 0
	for _, e := range w.log {
		if e.dec != nil {
			continue
		}
		v = reload(t, v)
		eff, err := v.Fold(e.in)
		if err != nil {
			t.Fatal(err)
		}
		out := v.Plan(e.in, eff)
		if eff.Release {
			for _, c := range allContacts(v) {
				if c.Head.Dirty && c.Alias.IsZero() {
					out = append(out, v.PlanDirty(e.in, eff, c.ID)...)
				}
			}
		}
		for _, p := range append(out, rows(v, e.in, eff)...) {
			again++
			got, _ := json.Marshal(p.Decision)
			if want := decided[fmt.Sprint(p.Decision.Input, p.Decision.Contact)]; !bytes.Equal(got, want) {
				t.Fatalf("decided again on %d:\n%s\nfirst:\n%s", e.in.Position, got, want)
			}
		}
	}
	if again != len(decided) {
		t.Fatalf("%d decisions, the second time %d\n%s", len(decided), again, w.story())
	}
	return dump(v, w.log)
}

func allContacts(v *planner.View) []*planner.Contact {
	_, contacts, _ := v.Changed()
	return contacts
}

// reload stores a view and loads it again.
func reload(t *rapid.T, v *planner.View) *planner.View {
	next := planner.NewView(roundTrip(t, v.Control), planner.NewDigester(secret))
	records, contacts, _ := v.Changed()
	for _, c := range contacts {
		k := roundTrip(t, *c)
		k.Touch()
		next.AddContact(&k)
	}
	for _, r := range records {
		k := roundTrip(t, *r)
		k.Seen, k.Answers, k.Replaced = maps.Clone(r.Seen), maps.Clone(r.Answers), maps.Clone(r.Replaced)
		k.Touch()
		next.AddRecord(&k)
	}
	return next
}

func dump(v *planner.View, log []entry) string {
	records, contacts, _ := v.Changed()
	out := map[string]any{"control": v.Control}
	for _, r := range records {
		out[r.ID.Stream()] = []any{r, r.Seen, r.Answers, r.Replaced}
	}
	for _, c := range contacts {
		out[c.ID.String()] = c
	}
	_ = log
	return text(out)
}

// TestEcho: what our own writes cause is never answered by a write.
func TestEcho(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, preset(t, "default"))
		side := rapid.SampledFrom(domain.Systems[:]).Draw(t, "born in")
		id := w.create(side, map[string]string{"phone_number": "+18182124567", "email": "a@example.com", "first_name": "Ann"}, "")
		w.settle()
		if w.sends != 1 {
			t.Fatalf("%d writes for one new contact\n%s", w.sends, w.story())
		}
		w.edit(domain.Record{System: side, ID: id}, "first_name", "Zoë  Smith", false)
		w.settle()
		if w.sends != 2 {
			t.Fatalf("%d writes for one new contact and one edit\n%s", w.sends, w.story())
		}
	})
}

// TestOrderOfAnErasure: an answer of nobody any more, stored before the erasure was decided on, leaves the live planner where a
// rebuild ends.
func TestOrderOfAnErasure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, preset(t, "default"))
		rec := domain.Record{System: domain.HubSpot, ID: "1"}
		w.append(domain.RecordCreated, rec.Stream(), domain.Fact{Via: "webhook", Clock: w.tick()})
		for w.plan() {
		}
		if len(w.outbox) != 1 || w.outbox[0].Kind != domain.KindRead {
			t.Fatalf("nothing is read: %s", w.story())
		}
		read := w.outbox[0]
		w.append(domain.SubjectErased, domain.StreamPrivacy, domain.Act{Contact: read.Contact, Records: []domain.Record{rec}})
		w.append(domain.RecordSuppressed, rec.Stream(), domain.Fact{Answer: &domain.Answer{
			Command: read.ID, By: "id", Contact: read.Contact, Found: []domain.Record{rec},
		}})
		for w.plan() {
		}
		w.sameAnew(t)
	})
}
