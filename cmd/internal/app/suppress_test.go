package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
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

		r.keepsHeld()
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
		r.sparesSharers()
		r.forgotten(database, again)
		r.sameAnew()
		r.verifies()
		if n := r.number("SELECT COUNT(*) FROM erased_identifier"); n != 2 {
			t.Errorf("rebuilt, %d hashes are kept", n)
		}
		r.inCopy(database)

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
		r.stop()
		r.node = r.boot() // who owns the connection next looks at what joined, merged away since or not
		r.settle()
		if got := r.contact("hubspot:" + survivor); got.Erased {
			t.Errorf("let in again, and erased by the next owner: %+v", got)
		}
		r.sameAnew()
		r.verifies()

		status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/contacts/hubspot:"+survivor+"/erase", "test",
			map[string]any{"reason": "asked", "forget_identifiers": true})
		if n := r.number("SELECT COUNT(*) FROM erased_identifier"); status != http.StatusOK || n > 0 ||
			!strings.Contains(string(b), `"identifiers":0`) || strings.Contains(string(b), "pseudonymous") {
			t.Errorf("erased without hashes: %d hashes, %d %s", n, status, b)
		}
	})
}

// keepsHeld looks that somebody on hold is left as is while showing her email, and no longer than that.
func (r *rig) keepsHeld() {
	r.t.Helper()
	held, err := r.hubspot.Create(map[string]string{"firstname": "Fred", "phone": "+12125550165"}, "7")
	r.must(err)
	r.settle()
	at := r.url + "/v1/connections/default/"
	holds := func() string {
		status, b := r.request(http.MethodGet, at+"holds", "test", nil)
		if status != http.StatusOK {
			r.t.Errorf("holds: %d %s", status, b)
		}
		return string(b)
	}
	hold := func(verb string) {
		if status, b := r.request(http.MethodPost, at+"contacts/hubspot:"+held+"/"+verb, "test",
			map[string]string{"reason": "case 7"}); status != http.StatusOK || !strings.Contains(string(b), `"position"`) {
			r.t.Errorf("%s: %d %s", verb, status, b)
		}
	}
	hold("hold")
	if b := holds(); !strings.Contains(b, r.contact("hubspot:"+held).ID.String()) || !strings.Contains(b, "case 7") {
		r.t.Errorf("on hold: %s", b)
	}
	r.must(r.hubspot.Edit(held, map[string]string{"email": zoe["email"]}, "7"))
	r.settle()
	if c := r.contact("hubspot:" + held); c.Erased || r.link("hubspot:"+held) != string(planner.Linked) {
		r.t.Errorf("on hold: %+v", c)
	}
	hold("release")
	if b := holds(); strings.Contains(b, "case 7") {
		r.t.Errorf("released: %s", b)
	}
	r.must(r.hubspot.Edit(held, map[string]string{"email": "fred@people.example"}, "7"))
	r.must(r.hubspot.Edit(held, map[string]string{"email": zoe["email"]}, "7"))
	r.joined("hubspot:" + held)
	r.must(r.hubspot.Edit(held, map[string]string{"email": ""}, "7"))
}

// sparesSharers looks that a record which shows her number and no email is left where its contact has an email.
func (r *rig) sparesSharers() {
	r.t.Helper()
	gus, err := r.hubspot.Create(map[string]string{"firstname": "Gus", "email": "gus@people.example", "phone": "+12125550164"}, "7")
	r.must(err)
	r.settle()
	at := r.inAloware("phone_number", "+12125550164")[0].ID
	r.must(r.aloware.Delete(r.inAloware("phone_number", zoePhone)[0].ID)) // hers
	r.must(r.aloware.Edit(at, map[string]any{"email": "", "phone_number": zoePhone}))
	r.settle()
	if c := r.contact("hubspot:" + gus); c.Erased || c.Records[0].Erased || len(c.Records) != 2 {
		r.t.Errorf("with her number at a contact that has an email: %+v", c)
	}
}

// inCopy looks that a copy of the database recognises her, too.
func (r *rig) inCopy(database string) {
	r.t.Helper()
	c := r.config
	c.DatabaseURL = r.snapshot(database)
	a, err := app.Open(r.t.Context(), c, r.logger)
	r.must(err)
	if err := r.tells(a, "hubspot/contact/999", `{"email":"`+zoe["email"]+`"}`); !errors.Is(err, eventstore.ErrErased) {
		r.t.Errorf("in a copy she is stored: %v", err)
	}
	r.must(a.Close())
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
		r.joinedWhole(record)
	}
	r.settle()
	for _, record := range records {
		if got := r.link(record); got != string(planner.Suppressed) {
			r.t.Errorf("%s is %s\n%+v", record, got, r.contact(record))
		}
	}
	for _, a := range r.acts(domain.SubjectErased) {
		if hers := len(a.Identifiers) > 0; hers != a.Cause.IsZero() || a.Reason == "" {
			r.t.Errorf("erased by %+v", a)
		}
	}
}

// joinedWhole waits until a record is erased, and all there is of its contact.
func (r *rig) joinedWhole(record string) {
	r.t.Helper()
	r.wait(record+" joins the erasure", func(ctx context.Context) (bool, error) {
		if err := r.CatchUp(ctx); err != nil {
			return false, err
		}
		found, err := r.Contacts.Find(ctx, record)
		return len(found) == 1 && erasedWhole(found[0]), err
	})
}

func erasedWhole(c contacts.Contact) bool {
	for _, r := range c.Records {
		if !r.Erased || len(r.Values) > 0 {
			return false
		}
	}
	return c.Erased
}

// TestEraseNamed: a record that shows the person's email, and that the planner has not come to, is erased with the others,
// also when it comes while the erasure is under way; one that shows the number, and an email of its own, is not. What was made
// for the person is, whatever it shows.
func TestEraseNamed(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		r.settle()
		id := r.contact("hubspot:" + her).ID
		r.stop()
		a := r.aside()
		keys := r.wrapped(a, "hubspot/contact/"+her)
		a.Store = &between{Store: a.Store, do: func() {
			r.must(r.tells(a.App, "aloware/contact/77001", `{"email":"`+zoe["email"]+`"}`))
			r.must(r.tells(a.App, "aloware/contact/77002", `{"email":"other@people.example","phone_number":"`+zoePhone+`"}`))
			r.must(r.settles(a.App, domain.Outcome{
				Command: a.NewID(), Contact: id, Kind: domain.KindCreate, System: domain.Aloware, Result: domain.ResultApplied, Created: true,
				Record: domain.Record{System: domain.Aloware, ID: "77003"}, Shows: domain.Properties{"first_name": []byte(`"Zerlinda"`)},
			}))
		}}
		done, err := a.Erase(t.Context(), id, httpapi.Erasing{}, tester)
		r.must(err)
		if len(done.Records) != 4 || !slices.Contains(done.Records, "aloware:77001") || !slices.Contains(done.Records, "aloware:77003") {
			t.Errorf("erased %v, want her two records, aloware:77001 and aloware:77003", done.Records)
		}
		r.node = a
		r.scrubbed(database, keys)
		r.forgotten(database, her)
		r.liftsUnplanned(a, id)
	})
}

// liftsUnplanned looks that records are let in as well that joined, and that the planner has not come to.
func (r *rig) liftsUnplanned(a *node, id ulid.ULID) {
	r.t.Helper()
	const late = "hubspot/contact/999"
	if joined, err := a.JoinErasure(r.t.Context(), eventstore.NewEvent{
		Stream: late, Type: domain.RecordUpdated, Data: []byte(`{"properties":{"email":"` + zoe["email"] + `"}}`),
	}); err != nil || !joined {
		r.t.Errorf("joined %t, %v", joined, err)
	}
	done, err := a.Lift(r.t.Context(), id, tester)
	r.must(err)
	if len(done.Records) != 5 || !slices.Contains(done.Records, "hubspot:999") {
		r.t.Errorf("%v are let in, want hubspot:999 as well", done.Records)
	}
	r.must(r.tells(a.App, late, `{"email":"`+zoe["email"]+`"}`))
	r.node = r.boot()
	r.settle()
	if c := r.contact("hubspot:999"); c.Erased || len(c.Records[0].Values) == 0 {
		r.t.Errorf("let in before it was planned: %+v", c)
	}
	r.sameAnew()
}

// tells appends what a whole record shows, as a sweep does.
func (r *rig) tells(a *app.App, stream, properties string) error {
	system, _, _ := strings.Cut(stream, "/")
	_, err := a.Log.Append(r.t.Context(), eventstore.NewEvent{
		ID: a.NewID(), Stream: stream, Subject: stream, Type: domain.RecordObserved, Schema: domain.SchemaOf(domain.RecordObserved),
		Actor: system, Data: []byte(`{"via":"sweep","clock":1,"complete":true,"properties":` + properties + `}`),
	})
	return err
}

// settles appends how a command ended.
func (r *rig) settles(a *app.App, o domain.Outcome) error {
	data, err := json.Marshal(o)
	r.must(err)
	stream := o.Record.Stream()
	_, err = a.Log.Append(r.t.Context(), eventstore.NewEvent{
		ID: a.NewID(), Stream: stream, Subject: stream, Type: domain.CommandSettled, Schema: domain.SchemaOf(domain.CommandSettled),
		Actor: "duolog", Data: data,
	})
	return err
}

// wrapped is the key of a subject as the database holds it.
func (r *rig) wrapped(n *node, subject string) []byte {
	r.t.Helper()
	rows, err := n.Store.Query(r.t.Context(), "SELECT wrapped FROM subject_key WHERE subject = $1", subject)
	keys, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (b []byte, err error) { return b, r.Scan(&b) })
	r.must(err)
	if len(keys) != 1 || len(keys[0]) == 0 {
		r.t.Fatalf("keys of %s: %v", subject, keys)
	}
	return keys[0]
}

// scrubbed looks that the database's files let go of a key: SQLite's do not hold it, PostgreSQL's were vacuumed.
func (r *rig) scrubbed(database string, key []byte) {
	r.t.Helper()
	if strings.HasPrefix(database, "sqlite:") {
		for name, content := range r.everything(database) {
			if len(key) > 0 && bytes.Contains(content, key) {
				r.t.Errorf("%s holds a key that was destroyed", name)
			}
		}
		return
	}
	r.wait("a vacuum", func(context.Context) (bool, error) {
		return r.number(`SELECT COUNT(*) FROM pg_stat_user_tables
			WHERE schemaname = current_schema() AND relname = 'subject_key' AND vacuum_count > 0`) > 0, nil
	})
}
