package planner_test

import (
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// pulled tells people of both systems, known by the same emails, and ends the pull.
func (d *desk) pulled(ids map[string]string) {
	d.Helper()
	for _, id := range []string{"1", "2", "3"} {
		email, told := ids[id]
		if !told {
			continue
		}
		for sys, f := range map[domain.System]domain.CatalogFact{
			domain.HubSpot: {Catalog: domain.Owners, ID: "7" + id}, domain.Aloware: {Catalog: domain.Users, ID: id},
		} {
			f.System, f.Via, f.Entry = sys, domain.ViaPull, domain.CatalogEntry{Email: email}
			d.in(domain.CatalogObserved, domain.CatalogStream(sys, f.Catalog), f)
		}
	}
	d.act(domain.OperationFinished, domain.Act{Name: domain.PullOperation + "owners"})
}

// owned puts a pair on the desk whose owners differ, one of them known to nobody yet.
func owned(t *testing.T, initial settings.Winner) *desk {
	t.Helper()
	d := newDesk(t, func(s *settings.Settings) {
		f := s.NewField(settings.OwnerField, settings.OwnerID)
		f.Initial, s.Contacts.Create = initial, settings.ToAloware // the two meet, and nobody is made
		s.Fields = append(s.Fields, f)
	})
	d.v.Know(&planner.Choices{})
	d.pulled(map[string]string{"1": "ann@acme.example"})
	d.read(alo, values{"phone_number": "+18182124567", "email": "ann@example.com", "user_id": "1"}, planner.Outgoing{})
	d.read(hub, values{"phone": "+18182124567", "email": "ann@example.com", settings.OwnerID: "72"}, planner.Outgoing{})
	if f := d.field("owner"); f.State != planner.Apart {
		t.Fatalf("not apart: %s", text(d.all))
	}
	return d
}

func (d *desk) writes(property string) (n int) {
	for _, o := range d.sent {
		if _, ok := o.Values[property]; ok {
			n++
		}
	}
	return n
}

// TestReadableAtLast: a value nobody could read at first sight is seen for the first time when it can be: the first-value
// rule speaks, and a blank is the only thing it fills where it says so.
func TestReadableAtLast(t *testing.T) {
	d := owned(t, settings.FillBlanks)
	d.pulled(map[string]string{"2": "bob@acme.example"})
	d.webhook(hub, values{"firstname": "Anna"}) // the contact is planned again
	if f := d.field("owner"); d.writes("user_id")+d.writes(settings.OwnerID) != 0 || f.State != planner.Apart || f.Result != planner.Kept {
		t.Errorf("fill_blanks: %s", text(d.last))
	}
	d = owned(t, settings.HubSpotWins)
	d.pulled(map[string]string{"2": "bob@acme.example"})
	if d.writes("user_id") != 1 {
		t.Errorf("hubspot: %s", text(d.last))
	}
}

// TestPullCountsFromItsEnd: what a pull under way has told changes nothing yet.
func TestPullCountsFromItsEnd(t *testing.T) {
	d := owned(t, settings.HubSpotWins)
	for sys, f := range map[domain.System]domain.CatalogFact{
		domain.HubSpot: {Catalog: domain.Owners, ID: "72"}, domain.Aloware: {Catalog: domain.Users, ID: "2"},
	} {
		f.System, f.Via, f.Entry = sys, domain.ViaPull, domain.CatalogEntry{Email: "bob@acme.example"}
		d.in(domain.CatalogObserved, domain.CatalogStream(sys, f.Catalog), f)
		if d.writes("user_id") != 0 {
			t.Errorf("in the midst of a pull: %s", text(d.last))
		}
	}
	d.act(domain.OperationFinished, domain.Act{Name: "reconcile"})
	if d.writes("user_id") != 0 {
		t.Errorf("at the end of something else: %s", text(d.last))
	}
	d.act(domain.OperationFinished, domain.Act{Name: domain.PullOperation + "owners"})
	if d.writes("user_id") != 1 {
		t.Errorf("at the end of the pull: %s", text(d.last))
	}
}
