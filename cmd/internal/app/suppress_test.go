package app_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/contacts"
)

// TestErasedUnderAnotherID: who was erased does not come back under another id, by whatever way she is told of, nor as the
// survivor of a merge; somebody who shares her number stays; lifting lets her in under every id.
func TestErasedUnderAnotherID(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		r.settle()
		done, err := r.aside().Erase(t.Context(), r.contact("hubspot:"+her).ID, httpapi.Erasing{}, tester)
		r.must(err)
		if done.Identifiers != 2 || done.Certificate.Identifiers != 2 {
			t.Errorf("hashes of %d identifiers are kept, want her email and her number", done.Identifiers)
		}
		r.must(r.hubspot.Delete(her))
		r.settle()
		head := r.head()

		again := r.cameBack()
		r.seenAgain()
		r.importsHer()
		survivor := r.mergedWith(again)
		if n := r.suppressed(head); n < 6 {
			t.Errorf("%d facts were stored as suppressed, want one at least of each way", n)
		}

		dora, err := r.hubspot.Create(map[string]string{"firstname": "Dora", "email": "dora@people.example", "phone": zoePhone}, "7")
		r.must(err)
		r.settle()
		if got := r.contact("hubspot:" + dora); got.Erased || r.link("hubspot:"+dora) == string(planner.Suppressed) {
			t.Errorf("with an email of her own, and the number: %+v", got)
		}
		r.forgotten(database, again)
		r.sameAnew()
		r.verifies()

		if status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/contacts/hubspot:"+her+"/lift", "test",
			map[string]string{"reason": "signed up"}); status != http.StatusOK {
			t.Errorf("lift: %d %s", status, b)
		}
		r.settle()
		if n := r.number("SELECT COUNT(*) FROM erased_identifier"); n > 0 {
			t.Errorf("let in again, %d hashes are kept", n)
		}
		r.must(r.hubspot.Edit(survivor, map[string]string{"city": "Delft"}, "7"))
		r.settle()
		if got := r.contact("hubspot:" + survivor); got.Erased || r.link("hubspot:"+survivor) == string(planner.Suppressed) {
			t.Errorf("let in again: %+v", got)
		}
		r.sameAnew()
		r.verifies()
	})
}

// cameBack enters her in HubSpot under a new id: first without anything she is recognised by, so that she gets a counterpart.
func (r *rig) cameBack() string {
	r.t.Helper()
	again, err := r.hubspot.Create(map[string]string{"firstname": zoe["firstname"], "phone": "+12125550166"}, "7")
	r.must(err)
	r.settle()
	counterpart := "aloware:" + r.inAloware("phone_number", "+12125550166")[0].ID
	r.must(r.hubspot.Edit(again, map[string]string{"email": zoe["email"], "lastname": zoe["lastname"]}, "7"))
	r.joined("hubspot:"+again, counterpart)
	return again
}

// seenAgain has Aloware, and a sweep of it and of HubSpot, tell of her.
func (r *rig) seenAgain() {
	r.t.Helper()
	id, err := r.aloware.Create(map[string]any{"first_name": zoe["firstname"], "email": strings.ToUpper(zoe["email"]), "phone_number": "+12125550167"}, "")
	r.must(err)
	r.joined("aloware:" + id)
	r.must(r.aloware.Delete(id))
	r.hubspot.SetTarget("http://127.0.0.1:1")
	number, err := r.hubspot.Create(map[string]string{"firstname": zoe["firstname"], "mobilephone": zoePhone}, "7") // no email
	r.must(err)
	_, err = r.aside().Reconcile(r.t.Context(), tester, nil)
	r.must(err)
	r.hear(r.url)
	r.joined("hubspot:" + number)
}

// importsHer reads a file in which she stands twice: by her email, and by her number alone.
func (r *rig) importsHer() {
	r.t.Helper()
	columns := r.mappedColumns()
	row := func(cells map[string]string) string {
		all := make([]string, len(columns))
		for i, c := range columns {
			all[i] = cells[c]
		}
		return strings.Join(all, ",") + "\n"
	}
	done := r.imported(strings.Join(columns, ",")+"\n"+
		row(map[string]string{"id": "77001", "first_name": zoe["firstname"], "email": zoe["email"], "phone_number": "+12125550168"})+
		row(map[string]string{"id": "77002", "first_name": zoe["firstname"], "phone_number": zoePhone})+
		row(map[string]string{"id": "77003", "first_name": "Emil", "email": "emil@people.example", "phone_number": zoePhone}), time.Now())
	if done.Withheld != 2 || done.Facts != 1 {
		r.t.Errorf("imported %+v, want two withheld", done)
	}
	r.joined("aloware:77001", "aloware:77002")
	if r.contact("aloware:77003").Erased {
		r.t.Error("somebody with her number and an email of his own was erased")
	}
}

// mergedWith merges her with somebody else in HubSpot.
func (r *rig) mergedWith(again string) string {
	r.t.Helper()
	other, err := r.hubspot.Create(map[string]string{"firstname": "Quexley", "email": "other@people.example", "phone": "+12125550169"}, "7")
	r.must(err)
	r.settle()
	survivor, err := r.hubspot.Merge(other, again)
	r.must(err)
	r.joined("hubspot:"+survivor, "aloware:"+r.inAloware("phone_number", "+12125550169")[0].ID)
	return survivor
}

// joined waits until records are suppressed, with all that was known of them.
func (r *rig) joined(records ...string) {
	r.t.Helper()
	for _, record := range records {
		r.wait(record+" joins the erasure", func(ctx context.Context) (bool, error) {
			if err := r.CatchUp(ctx); err != nil {
				return false, err
			}
			found, err := r.Contacts.Find(ctx, record)
			return len(found) == 1 && erasedWhole(found[0]), err
		})
	}
	r.settle()
	for _, record := range records {
		if got := r.link(record); got != string(planner.Suppressed) {
			r.t.Errorf("%s is %s\n%+v", record, got, r.contact(record))
		}
	}
	for _, a := range r.acts(domain.SubjectErased)[1:] {
		if a.Cause.IsZero() || a.Reason == "" || len(a.Identifiers) > 0 {
			r.t.Errorf("joined by %+v", a)
		}
	}
}

func erasedWhole(c contacts.Contact) bool {
	for _, r := range c.Records {
		if !r.Erased || len(r.Values) > 0 {
			return false
		}
	}
	return c.Erased
}
