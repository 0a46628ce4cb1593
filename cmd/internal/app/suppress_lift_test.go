package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// couple are three people of Aloware who share an email, two of whom were erased, and somebody who came in under it then.
type couple struct{ one, other, third, joined string }

// coupled makes them; of the one, hashes are kept as how says.
func (r *rig) coupled(n, email string, how httpapi.Erasing) (c couple) {
	r.t.Helper()
	person := func(phone string) string {
		id, err := r.aloware.Create(map[string]any{"first_name": "Pat", "email": email, "phone_number": phone}, "")
		r.must(err)
		return id
	}
	c = couple{one: person("+121255503" + n + "1"), other: person("+121255503" + n + "2"), third: person("+121255503" + n + "3")}
	r.settle()
	_, err := r.aside().Erase(r.t.Context(), r.contact("aloware:"+c.one).ID, how, tester)
	r.must(err)
	_, err = r.aside().Erase(r.t.Context(), r.contact("aloware:"+c.other).ID, httpapi.Erasing{}, tester)
	r.must(err)
	c.joined = person("+121255503" + n + "4")
	r.joinedWhole("aloware:" + c.joined)
	return c
}

// stays looks that records of Aloware are, once told of, erased or not.
func (r *rig) stays(erased bool, ids ...string) {
	r.t.Helper()
	for _, id := range ids {
		r.must(r.aloware.Edit(id, map[string]any{"city": "Delft"}))
		r.must(r.aloware.Edit(id, map[string]any{"city": "London"}))
	}
	r.settle()
	for _, id := range ids {
		if c := r.contact("aloware:" + id); c.Erased != erased {
			r.t.Errorf("aloware:%s, erased %t: %+v", id, c.Erased, c)
		}
	}
}

// TestLiftedSharers: who shares an email with somebody else who was erased is let in, and stays in; the other stays erased, and is
// known by what is theirs alone. What was lifted before binds nobody again.
func TestLiftedSharers(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: func(s *settings.Settings) { s.Contacts.Create = settings.ToAloware }})
		c := r.coupled("1", "pat@people.example", httpapi.Erasing{})
		erasures := r.number("SELECT COUNT(*) FROM erased_identifier")
		status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/contacts/aloware:"+c.one+"/lift", "test",
			map[string]string{"reason": "signed up"})
		if n := r.number("SELECT COUNT(*) FROM erased_identifier"); status != http.StatusOK || erasures != 4 || n != 1 ||
			!strings.Contains(string(b), `"shared_identifiers":1`) || !strings.Contains(string(b), "Nobody is recognised") {
			t.Errorf("%d of %d hashes are left, %d %s", n, erasures, status, b)
		}
		r.stays(false, c.one)
		r.stays(true, c.other)
		cert, err := r.Certificate(t.Context(), r.contact("aloware:"+c.other).ID)
		if err != nil || cert.Identifiers != 1 {
			t.Errorf("certified again: %+v, %v", cert, err)
		}
		theirs, err := r.hubspot.Create(map[string]string{"firstname": "Pat", "phone": "+12125550312"}, "7")
		r.must(err)
		r.joinedWhole("hubspot:" + theirs)

		// Who keeps none of the one's hashes cannot know that the email is shared: the records that are let in are spared.
		c = r.coupled("2", "kim@people.example", httpapi.Erasing{ForgetIdentifiers: true})
		r.lifts(c.one, c.one)
		r.stays(false, c.one)
		r.stays(true, c.other, c.joined)
		_, err = r.aside().Erase(t.Context(), r.contact("aloware:"+c.third).ID, httpapi.Erasing{}, tester)
		r.must(err)
		r.stays(true, c.one) // who is erased after that is another matter
		r.lifts(c.other, c.other, c.joined)

		// They are three people from now on.
		for _, id := range []string{c.joined, c.other} {
			r.stays(false, id)
			_, err := r.aside().Erase(t.Context(), r.contact("aloware:"+id).ID, httpapi.Erasing{ForgetIdentifiers: true}, tester)
			r.must(err)
		}
		r.lifts(c.other, c.other)
		r.stays(true, c.joined)
		r.sameAnew()
		r.verifies()
	})
}

// lifts lets somebody of Aloware in, and those with them.
func (r *rig) lifts(id string, want ...string) {
	r.t.Helper()
	done, err := r.aside().Lift(r.t.Context(), r.contact("aloware:"+id).ID, tester)
	r.must(err)
	slices.Sort(done.Records)
	for i := range want {
		want[i] = "aloware:" + want[i]
	}
	slices.Sort(want)
	if !slices.Equal(done.Records, want) {
		r.t.Errorf("%v are let in, want %v", done.Records, want)
	}
	r.settle()
}

// TestLiftedCounterpart: who was let in stays in when her counterpart is made, though it shows an email by which somebody else is
// recognised.
func TestLiftedCounterpart(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		const email, phone = "pat@people.example", "+12125550321"
		her, err := r.hubspot.Create(map[string]string{"firstname": "Pat", "email": email}, "7") // no number, so no counterpart
		r.must(err)
		r.settle()
		_, err = r.aside().Erase(t.Context(), r.contact("hubspot:"+her).ID, httpapi.Erasing{ForgetIdentifiers: true}, tester)
		r.must(err)
		r.must(r.hubspot.Edit(her, map[string]string{"email": ""}, "7"))
		other, err := r.aloware.Create(map[string]any{"first_name": "Kim", "email": email, "phone_number": "+12125550322"}, "")
		r.must(err)
		r.settle()
		theirs := r.contact("aloware:" + other)
		_, err = r.aside().Erase(t.Context(), theirs.ID, httpapi.Erasing{}, tester)
		r.must(err)
		for _, c := range theirs.Records {
			if c.System == domain.HubSpot {
				r.must(r.hubspot.Delete(c.ID))
			}
		}
		r.must(r.hubspot.Edit(her, map[string]string{"email": email, "phone": phone}, "7"))
		r.settle()

		_, err = r.aside().Lift(t.Context(), r.contact("hubspot:"+her).ID, tester)
		r.must(err)
		r.settle()
		made := r.inAloware("phone_number", phone)
		if len(made) != 1 {
			t.Fatalf("let in, and no counterpart was made: %+v", r.contact("hubspot:"+her))
		}
		r.stays(false, made[0].ID)
		r.stays(true, other)
		if c := r.contact("hubspot:" + her); c.Erased || len(c.Records) != 2 || c.Records[0].Erased || c.Records[1].Erased {
			t.Errorf("let in: %+v", c)
		}
		r.sameAnew()
		r.verifies()
	})
}
