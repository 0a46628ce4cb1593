package app_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/outbox"
	"github.com/duolog/duolog/projections/replay"
)

const zoePhone = "+12125550177"

var zoe = map[string]string{
	"firstname": "Zerlinda", "lastname": "Quexley", "email": "zerlinda.quexley@people.example", "phone": zoePhone, "city": "London",
}

// hers are texts by which she would be found.
var hers = []string{"Zerlinda", "Quexley", "zerlinda.quexley@people.example", zoePhone, zoePhone[2:]}

// down is a system that can be asked, and written to only while it is not down.
type down struct{ atomic.Bool }

func (d *down) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.Load() && r.Method == http.MethodPost && !strings.Contains(r.URL.Path, "_sandbox") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// erasing is a rig with somebody who has a history, a plan, a command that waits, a body nobody could read and a parked
// item, beside somebody whose counterpart was not made because of her.
func erasing(t *testing.T, database string) (r *rig, aloware *down, her, other string) {
	t.Helper()
	aloware = &down{}
	r = start(t, plan{database: database, front: aloware.front, change: func(s *settings.Settings) { s.Contacts.Update = settings.ToAloware }})
	her, err := r.hubspot.Create(zoe, "7")
	r.must(err)
	r.settle()
	other, err = r.hubspot.Create(map[string]string{"firstname": "Bert", "email": "bert@people.example", "phone": zoePhone}, "7")
	r.must(err)
	r.settle()
	r.must(r.aloware.Edit(r.inAloware("phone_number", zoePhone)[0].ID, map[string]any{"city": "Rotterdam"}))
	r.settle()
	r.set(func(s *settings.Settings) { s.Contacts.Update = settings.Both })
	r.settle()
	if p := r.planned("push/contacts", nil); p.Rows == 0 || len(p.Samples) == 0 {
		t.Fatalf("a plan without her: %+v", p)
	}
	r.post(alowarePath, `{"event":"Moon-Full","body":{"mail":"`+zoe["email"]+`"}}`, bearer)
	foreign := "[" + item(99, her, "77", zoe["email"]) + "]"
	r.post(hubspotPath, foreign, r.signed(foreign, time.Now()))
	aloware.Store(true)
	r.must(r.hubspot.Edit(her, map[string]string{"lastname": "Quexley-Byron"}, "7"))
	r.wait("a write that fails", func(ctx context.Context) (bool, error) {
		n, err := outbox.Counts(ctx, r.Store, "default")
		return slices.ContainsFunc(n, func(c outbox.Count) bool { return c.Failing > 0 }), err
	})
	return r, aloware, her, other
}

// TestErase: of somebody who was erased nothing is left that could be read, the log verifies, what is worked out of it is
// what is worked out anew, and she does not come back before she is let in.
func TestErase(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r, aloware, her, other := erasing(t, database)
		id := r.contact("hubspot:" + her).ID
		head := r.head()
		plan, err := r.Erasure(t.Context(), id, httpapi.Erasing{})
		r.must(err)
		if !plan.DryRun || len(plan.Records) != 2 || plan.Raw != 1 || plan.Parked != 1 || plan.Commands != 1 || r.head() != head {
			t.Errorf("dry run: %+v, head %d, was %d", plan, r.head(), head)
		}

		_, err = r.Hold(t.Context(), id, tester)
		r.must(err)
		at := r.url + "/v1/connections/default/contacts/hubspot:" + her
		if status, b := r.request(http.MethodPost, at+"/erase", "test", map[string]string{"reason": "asked"}); status != http.StatusConflict || !strings.Contains(string(b), "hold") {
			t.Errorf("on hold: %d %s", status, b)
		}
		if status, b := r.request(http.MethodPost, at+"/release", "test", map[string]string{"reason": "over"}); status != http.StatusOK {
			t.Errorf("release: %d %s", status, b)
		}
		for _, one := range app.Projections() { // what was live is kept, and leads to her as well
			r.must(r.Runner.Rebuild(t.Context(), one.Name(), nil))
		}
		if n := r.number("SELECT COUNT(DISTINCT version) FROM contact_key WHERE record = $1", "hubspot/contact/"+her); n < 2 {
			t.Errorf("she is found in %d versions, want the one that is kept as well", n)
		}
		done, err := r.aside().Erase(t.Context(), id, httpapi.Erasing{}, tester)
		r.must(err)
		if done.Commands != 1 || done.Certificate == nil || done.Certificate.Position != done.Position || len(done.Certificate.Records) != 2 {
			t.Errorf("erased: %+v", done)
		}
		if again, err := r.Certificate(t.Context(), id); err != nil || again.Position != done.Position ||
			!slices.Equal(again.Records, done.Certificate.Records) {
			t.Errorf("certified again: %+v, %v", again, err)
		}
		for _, record := range plan.Records {
			if strings.Contains(fmt.Sprint(done.Certificate.Records), record) {
				t.Errorf("the certificate names %s", record)
			}
		}
		aloware.Store(false)
		r.settle()
		r.forgotten(database, her)
		if got := r.link("hubspot:" + her); got != string(planner.Suppressed) {
			t.Errorf("her record is %s", got)
		}

		// What is told later, by whatever way, is stored without data.
		before := r.head()
		a := r.inAloware("phone_number", zoePhone)[0]
		r.must(r.aloware.Edit(a.ID, map[string]any{"city": "Paris"}))
		r.must(r.hubspot.Edit(her, map[string]string{"lastname": "Quexley"}, "7"))
		r.must(r.hubspot.Edit(other, map[string]string{"lastname": "Brecht"}, "7"))
		r.settle()
		_, err = r.aside().Reconcile(t.Context(), tester, nil)
		r.must(err)
		r.settle()
		if n := r.suppressed(before); n < 4 {
			t.Errorf("%d facts about her were stored as suppressed, want two told and two found", n)
		}
		if h, al := len(r.hubspot.All()), len(r.aloware.All()); h != 2 || al != 1 {
			t.Errorf("%d in HubSpot and %d in Aloware, want 2 and 1", h, al)
		}
		r.forgotten(database, her)
		for _, one := range app.Projections() { // the way back leads to nothing of hers
			r.must(r.Runner.Rollback(t.Context(), one.Name(), nil))
			d, err := r.Runner.Compare(t.Context(), one.Name(), nil)
			if err != nil || d.Differences() > 0 {
				t.Errorf("%s brought back: %+v, %v", one.Name(), d, err)
			}
			r.must(r.Runner.Cancel(t.Context(), one.Name()))
		}
		r.forgotten(database, her)
		r.sameAnew()
		r.verifies()

		// Let in again, she is read, and flows.
		if status, b := r.request(http.MethodPost, at+"/lift", "test", map[string]string{"reason": "signed up"}); status != http.StatusOK {
			t.Errorf("lift: %d %s", status, b)
		}
		r.settle()
		_, err = r.aside().Reconcile(t.Context(), tester, nil)
		r.must(err)
		r.settle()
		r.must(r.hubspot.Edit(her, map[string]string{"city": "Delft"}, "7"))
		r.settle()
		if got := r.link("hubspot:" + her); got != string(planner.Linked) {
			t.Errorf("let in again her record is %s\n%+v", got, r.contact("hubspot:"+her))
		}
		r.same("Aloware", r.inAloware("phone_number", zoePhone)[0].Properties, map[string]string{"cnam_city": "Delft"})
		r.sameAnew()
		r.verifies()
	})
}

// suppressed counts the facts after a position that were stored without data.
func (r *rig) suppressed(after int64) (n int) {
	r.t.Helper()
	events, err := r.Log.Read(r.t.Context(), after, 1000)
	r.must(err)
	for _, e := range events {
		if e.Type == domain.RecordSuppressed {
			n++
			for _, text := range hers {
				if bytes.Contains(e.Data, []byte(text)) {
					r.t.Errorf("suppressed, and yet: %s", e.Data)
				}
			}
		}
	}
	return n
}

// forgotten looks for her in everything there is: the database, an export of all and one of her.
func (r *rig) forgotten(database, her string) {
	r.t.Helper()
	r.must(r.Store.Scrub(r.t.Context(), "subject_key", "outbox", "contact_key", "outbound_key", "parked_delivery"))
	for name, content := range r.everything(database) {
		for _, text := range hers {
			if bytes.Contains(content, []byte(text)) || bytes.Contains(content, []byte(hex.EncodeToString([]byte(text)))) {
				r.t.Errorf("%q is in %s", text, name)
			}
		}
	}
	for _, o := range []app.ExportOptions{{}, {Contact: r.contact("hubspot:" + her).ID}} {
		var file bytes.Buffer
		_, err := r.Export(r.t.Context(), &file, o, tester)
		r.must(err)
		texts := hers
		if o.Contact.IsZero() {
			texts = hers[:3] // her number is another's, too
		}
		for _, text := range texts {
			if strings.Contains(file.String(), text) {
				r.t.Errorf("%q is in an export", text)
			}
		}
	}
	for _, text := range hers[:3] {
		found, err := r.Contacts.Find(r.t.Context(), text)
		if err != nil || len(found) > 0 {
			r.t.Errorf("%q finds %d contacts, %v", text, len(found), err)
		}
	}
	for _, table := range []string{"outbound_key", "contact_key"} {
		if n := r.number("SELECT COUNT(*) FROM "+table+" WHERE record = $1", "hubspot/contact/"+her); n > 0 {
			r.t.Errorf("%d rows of %s lead to her", n, table)
		}
	}
}

// everything is what the database holds: SQLite's files, or every row of every table as text.
func (r *rig) everything(database string) map[string][]byte {
	r.t.Helper()
	all := map[string][]byte{}
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		names, err := filepath.Glob(path + "*")
		r.must(err)
		for _, name := range names {
			b, err := os.ReadFile(name)
			r.must(err)
			all[name] = b
		}
		return all
	}
	for _, table := range r.texts("SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()") {
		all[table] = []byte(strings.Join(r.texts(`SELECT t::text FROM "`+table+`" t`), "\n"))
	}
	return all
}

func (r *rig) texts(query string, args ...any) []string {
	r.t.Helper()
	rows, err := r.Store.Query(r.t.Context(), query, args...)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
	r.must(err)
	return all
}

func (r *rig) number(query string, args ...any) int64 {
	r.t.Helper()
	rows, err := r.Store.Query(r.t.Context(), query, args...)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	r.must(err)
	return all[0]
}

// workedOut are the rows of the live versions, sealed bodies by their length.
func (r *rig) workedOut() []string {
	r.t.Helper()
	const live = " x JOIN projection_live l ON l.connection = x.connection AND l.version = x.version AND l.name = 'contacts' ORDER BY 1"
	const planned = " x JOIN outbound o ON o.connection = x.connection AND o.version = x.version AND o.live = 1 ORDER BY 1"
	return slices.Concat(
		r.texts("SELECT x.contact || x.status || x.alias_of || x.body FROM contact"+live),
		r.texts("SELECT x.record || x.contact || x.link || CAST(length(x.body) AS TEXT) FROM contact_record"+live),
		r.texts("SELECT x.record FROM contact_key"+live),
		r.texts("SELECT x.record || x.contact || x.link || x.meta || CAST(length(x.body) AS TEXT) FROM outbound_record"+planned),
		r.texts("SELECT x.contact || x.body FROM outbound_contact"+planned),
		r.texts("SELECT x.record FROM outbound_key"+planned),
	)
}

// sameAnew works everything out from the log again, and decides again.
func (r *rig) sameAnew() {
	r.t.Helper()
	r.must(r.CatchUp(r.t.Context()))
	before := r.workedOut()
	r.must(r.Runner.Rebuild(r.t.Context(), contacts.Name, nil))
	r.must(outbound.Rebuild(r.t.Context(), r.Store, r.Log, nil))
	after := r.workedOut()
	for i := range max(len(before), len(after)) {
		if i >= len(before) || i >= len(after) || before[i] != after[i] {
			r.t.Errorf("worked out anew:\n%s\nwas\n%s", strings.Join(after[min(i, len(after)):], "\n"), strings.Join(before[min(i, len(before)):], "\n"))
			break
		}
	}
	sum, err := replay.Run(r.t.Context(), replay.Config{DB: r.Store, Log: r.Log, Differed: func(d replay.Difference) {
		r.t.Errorf("decided again: %+v", d)
	}})
	if err != nil || sum.Adopted == 0 {
		r.t.Errorf("replay: %+v, %v", sum, err)
	}
}

// verifies checks the log with its keys and heads.
func (r *rig) verifies() {
	r.t.Helper()
	report, err := r.Verify(r.t.Context(), app.VerifyOptions{})
	if err != nil || !report.OK() {
		r.t.Errorf("verify: %+v, %v", report.Faults, err)
	}
}

// between is a database in which something happens before a transaction begins, once.
type between struct {
	eventstore.Store
	once sync.Once
	do   func()
}

func (b *between) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	b.once.Do(b.do)
	return b.Store.InTx(ctx, fn)
}

// TestEraseWidened: a record that becomes the person's while an erasure is under way is erased with the others.
func TestEraseWidened(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		other, err := r.hubspot.Create(map[string]string{"firstname": "Quexley", "email": "z@people.example", "phone": "+12125550188"}, "7")
		r.must(err)
		r.settle()
		a, merged := r.aside(), ""
		a.Store = &between{Store: a.Store, do: func() {
			merged, err = r.hubspot.Merge(her, other)
			r.must(err)
			r.settle()
		}}
		done, err := a.Erase(t.Context(), r.contact("hubspot:"+her).ID, httpapi.Erasing{}, tester)
		r.must(err)
		if !slices.Contains(done.Records, "hubspot:"+merged) {
			t.Errorf("erased %v, and not hubspot:%s, into which she was merged meanwhile", done.Records, merged)
		}
		r.settle()
		if n := r.number("SELECT COUNT(*) FROM subject_key WHERE wrapped IS NULL AND subject = $1", "hubspot/contact/"+merged); n != 1 {
			t.Error("what she was merged into can be read")
		}
		r.forgotten(database, her)
		r.verifies()
	})
}

// TestPrivacyDeletionErases: who HubSpot deletes on request is erased here as well when the delay is over, and not while
// on hold.
func TestPrivacyDeletionErases(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: func(s *settings.Settings) { s.Contacts.PrivacyDelay = "1ms" }})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		r.settle()
		id := r.contact("hubspot:" + her).ID
		_, err = r.Hold(t.Context(), id, tester)
		r.must(err)
		r.portal(http.MethodPost, "/crm/v3/objects/contacts/gdpr-delete", map[string]string{"objectId": her})
		r.settle()
		r.wait("the request", func(ctx context.Context) (bool, error) {
			c, _, err := r.Control(ctx)
			return len(c.Requests) == 1, err
		})
		if r.contact("hubspot:" + her).Erased {
			t.Error("erased while on hold")
		}
		_, err = r.Release(t.Context(), id, tester)
		r.must(err)
		r.wait("the erasure", func(ctx context.Context) (bool, error) {
			c, _, err := r.Control(ctx)
			return len(c.Requests) == 0, err
		})
		r.settle()
		if c := r.contact("hubspot:" + her); !c.Erased || len(c.Records) != 2 || !c.Records[0].Erased {
			t.Errorf("she is %+v", c)
		}
		r.forgotten(database, her)
		r.sameAnew()
		r.verifies()
	})
}
