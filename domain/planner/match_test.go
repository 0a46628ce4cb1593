package planner_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

const sharedPhone = "+18182124567"

// scan tells of a record as the first scan of both sides does.
func (w *world) scan(s domain.System, id string, values map[string]string) domain.Record {
	w.systems[s][id] = values
	rec := domain.Record{System: s, ID: id}
	w.append(domain.RecordObserved, rec.Stream(), domain.Fact{
		Via: "scan", Clock: w.tick(), Complete: true, Properties: w.raw(s, values),
	})
	return rec
}

// TestFirstScanLinksWhenItIsOver: in whatever order the first scan tells of two people under one number, neither is
// linked to the one who has it on the other side; without a rival, the two are.
func TestFirstScanLinksWhenItIsOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := unknownWorld(t, preset(t, "default"))
		people := map[string]domain.System{"1": domain.HubSpot, "2": domain.HubSpot, "9": domain.Aloware}
		rivals := rapid.Bool().Draw(t, "rivals")
		if !rivals {
			delete(people, "2")
		}
		var records []domain.Record
		for _, id := range rapid.Permutation([]string{"1", "2", "9"}).Draw(t, "order") {
			if s, ok := people[id]; ok {
				records = append(records, w.scan(s, id, map[string]string{"phone_number": sharedPhone, "first_name": id}))
			}
		}
		w.append(domain.BaselineCompleted, "connection", domain.Act{})
		w.settle()
		want := planner.Held
		if !rivals {
			want = planner.Linked
		}
		for _, r := range records {
			if r.System == domain.HubSpot && w.view.Record(r).Link.State != want {
				t.Fatalf("%s is %s, want %s\n%s", r, w.view.Record(r).Link.State, want, w.story())
			}
		}
		if rivals && w.sends > 0 {
			t.Fatalf("%d writes to people nobody can tell apart\n%s", w.sends, w.story())
		}
	})
}

// TestMergeOfLinked: a merge of two linked people into a record never seen before ends in one contact, and the
// survivor is read, so that what is changed from then on is decided.
func TestMergeOfLinked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, preset(t, "default"))
		a := domain.Record{System: domain.HubSpot, ID: w.create(domain.HubSpot, map[string]string{"phone_number": sharedPhone, "first_name": "Ann"}, "")}
		b := domain.Record{System: domain.HubSpot, ID: w.create(domain.HubSpot, map[string]string{"phone_number": "+18182124568"}, "")}
		w.settle()
		survivor := domain.Record{System: domain.HubSpot, ID: "99"}
		w.systems[domain.HubSpot]["99"] = w.systems[domain.HubSpot][a.ID]
		delete(w.systems[domain.HubSpot], a.ID)
		delete(w.systems[domain.HubSpot], b.ID)
		w.append(domain.RecordMerged, survivor.Stream(), domain.Fact{
			Via: "webhook", Clock: w.tick(), Merged: []domain.Record{a, b}, Primary: a,
		})
		w.settle()
		w.edit(survivor, "first_name", "Bob", false)
		w.settle()
		if n := len(w.contacts()); n != 1 {
			t.Fatalf("%d contacts, want one\n%s", n, w.story())
		}
		got := 0
		for _, values := range w.systems[domain.Aloware] {
			if values["first_name"] == "Bob" {
				got++
			}
		}
		if got != 1 {
			t.Fatalf("%d in Aloware follow the survivor, want one\n%s", got, w.story())
		}
	})
}
