package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore/export"
	"github.com/duolog/duolog/projections/contacts"
)

// TestAuditOverHTTP: what an auditor asks for comes over HTTP, each look at a person is an act, once for the same look,
// an export is one and proves itself, and when the process ends the log is sealed to its last event.
func TestAuditOverHTTP(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, people: sandboxkit.People(5, 2)})
		r.settle()
		at := r.url + "/v1/connections/default"
		r.looksAt(at)
		r.reported(at)
		r.exportedOverHTTP(at)
		r.shownStatus(at)
		r.warnedOfTheKey()
		config, end := r.config, r.stop
		end()
		a, err := app.Open(t.Context(), config, r.logger)
		r.must(err)
		defer func() { _ = a.Close() }()
		head, err := a.Head(t.Context())
		r.must(err)
		log, err := a.Log.Head(t.Context())
		r.must(err)
		if head.Size != log.Position {
			t.Errorf("the process ended at %d, and the log is sealed to %d", log.Position, head.Size)
		}
	})
}

// looksAt asks for all that shows people, and for some that does not, each twice: a look is one act of the token's holder.
func (r *rig) looksAt(at string) {
	r.t.Helper()
	from, one, other := time.Now(), r.hubspot.All()[0].ID, r.hubspot.All()[1].ID
	r.must(r.hubspot.Edit(one, map[string]string{"city": "Paris"}, "7"))
	r.settle()
	r.started("undo", map[string]any{"from": from, "known": true})
	for _, l := range []struct {
		method, path string
		body         any
		want         string // what is looked at, and of how many people; empty: it shows nobody
	}{
		{http.MethodGet, "/contacts/hubspot:" + one, nil, "contact 1"},
		{http.MethodGet, "/contacts/hubspot:" + other + "/explain?field=city", nil, "contact 1"},
		{http.MethodGet, "/contacts/hubspot:" + one + "/history", nil, "history 1"},
		{http.MethodGet, "/contacts/hubspot:" + one + "/card", nil, "card 1"},
		{http.MethodPost, "/contacts/find", map[string]any{"text": "hubspot:" + one}, "search 1"},
		{http.MethodGet, "/contacts", nil, "list 0"},
		{http.MethodGet, "/plans/P-1", nil, "plan 1"},
		{http.MethodGet, "/events?limit=1", nil, "feed 0"},
		{http.MethodGet, "/report", nil, "report 0"},
		{http.MethodGet, "/plans", nil, ""},
		{http.MethodGet, "/review", nil, ""},
		{http.MethodGet, "/duplicates", nil, ""},
	} {
		before, hour := len(r.acts(domain.AccessMade)), time.Now().Hour()
		for range 2 {
			if status, body := r.request(l.method, at+l.path, "test", l.body); status != http.StatusOK {
				r.t.Fatalf("%s: %d %s", l.path, status, body)
			}
		}
		var looks []string
		for _, a := range r.acts(domain.AccessMade)[before:] {
			looks = append(looks, fmt.Sprint(a.Access.What, " ", len(a.Access.Contacts)))
		}
		if time.Now().Hour() != hour {
			looks = slices.Compact(looks) // it is another look in another hour
		}
		if got := strings.Join(looks, ", "); got != l.want {
			r.t.Errorf("%s: looks %q, want %q", l.path, got, l.want)
		}
	}
}

// reported asks for the reports.
func (r *rig) reported(at string) {
	r.t.Helper()
	r.set(func(s *settings.Settings) { s.Contacts.Update = settings.ToAloware })
	r.must(r.aloware.Edit(r.aloware.All()[0].ID, map[string]any{"city": "Rome"}))
	r.settle()
	status, body := r.request(http.MethodGet, at+"/report?verify=true&impact=true", "test", nil)
	var got struct {
		Sections []struct {
			Key    string
			Tables []struct {
				Key  string
				Rows []map[string]any
			}
		}
	}
	if err := json.Unmarshal(body, &got); err != nil || status != http.StatusOK || len(got.Sections) != 11 {
		r.t.Fatalf("report: %d, %v, %s", status, err, body)
	}
	for _, want := range []string{
		"complete and unaltered", "token:bootstrap", "head signed",
		`"decided": "nothing"`, `"would have been": "update in HubSpot: city"`,
	} {
		if !bytes.Contains(body, []byte(want)) {
			r.t.Errorf("the report does not say %s:\n%s", want, body)
		}
	}
	for path, want := range map[string]string{
		"/report?actors=true&format=csv":                            "actors,token:bootstrap",
		"/duplicates/report?format=html":                            "<h1>Duplicates of connection default, the whole log</h1>",
		"/report?month=2001-02&format=md":                           "Feb 1, 2001 to Feb 28, 2001",
		"/report?month=2001-02&from=2001-02-01":                     "from",
		"/report?month=feb&format=md":                               "write 2026-10",
		"/report?from=2002-01-01T00:00:00Z&to=2001-01-01T00:00:00Z": "ends before it begins",
	} {
		if _, body := r.request(http.MethodGet, at+path, "test", nil); !bytes.Contains(body, []byte(want)) {
			r.t.Errorf("%s: %s", path, body)
		}
	}
}

func (r *rig) exportedOverHTTP(at string) {
	r.t.Helper()
	who := r.hubspot.All()[0].ID
	about := r.actedOn(r.contact("hubspot:" + who))
	if status, _ := r.request(http.MethodPost, at+"/export", "test", map[string]any{"contact": "hubspot:" + who}); status != http.StatusBadRequest {
		r.t.Errorf("an export without a reason: %d", status)
	}
	status, file := r.request(http.MethodPost, at+"/export", "test", map[string]any{"contact": "hubspot:" + who, "reason": "CASE-7"})
	if status != http.StatusOK {
		r.t.Fatalf("export: %d %s", status, file)
	}
	report, err := export.Verify(bytes.NewReader(file), r.PublicKey())
	if err != nil || !report.OK() || report.Disclosed != report.Events {
		r.t.Errorf("the export does not verify: %v, %+v", err, report)
	}
	r.holds(file, who, about)
	if acts := r.acts(domain.ExportMade); len(acts) != 1 || acts[0].Reason != "CASE-7" || acts[0].Export.Events != report.Events {
		r.t.Errorf("acts: %+v", acts)
	}
}

// actedOn has a person act on a contact in every way that leaves an act outside of its streams; it returns the types of
// those events. A system tells of it what nobody can read, which is in no export of a contact's.
func (r *rig) actedOn(c contacts.Contact) []string {
	r.t.Helper()
	by := httpapi.By{Actor: "test", Reason: "CASE-7"}
	for _, verdict := range []string{domain.VerdictExclude, domain.VerdictInclude} {
		_, err := r.Decide(r.t.Context(), httpapi.Verdict{Contact: c.ID, Verdict: verdict}, by)
		r.must(err)
	}
	_, err := r.Hold(r.t.Context(), c.ID, by)
	r.must(err)
	body := map[string]any{"event": "Contact-Dreamt"}
	for _, rec := range c.Records {
		if rec.System == domain.Aloware {
			body["people"] = []any{map[string]any{"contact_id": rec.ID}}
		}
	}
	if status, b := r.request(http.MethodPost, r.url+"/webhooks/aloware/default", "sandbox", body); status != http.StatusOK {
		r.t.Fatalf("a webhook nobody can read: %d %s", status, b)
	}
	r.settle()
	return []string{domain.ReviewSettled, domain.SubjectHeld, domain.AccessMade, domain.DecisionMade, domain.RecordObserved}
}

// holds fails unless an export of a contact holds all that its history shows and events of the types, and nobody else's.
func (r *rig) holds(file []byte, who string, types []string) {
	r.t.Helper()
	c := r.contact("hubspot:" + who)
	told, err := r.History.Events(r.t.Context(), c.ID, contacts.Moment{})
	r.must(err)
	held, kinds := map[string]bool{}, map[string]bool{}
	for line := range bytes.Lines(file) {
		var l struct{ Sequence, Subject, Type string }
		r.must(json.Unmarshal(line, &l))
		held[l.Sequence], kinds[l.Type] = true, true
		rec, err := domain.ParseRecord(l.Subject)
		if err == nil && !slices.ContainsFunc(c.Records, func(own contacts.Record) bool { return own.System == rec.System && own.ID == rec.ID }) {
			r.t.Errorf("the export of %s holds #%s, %s of %s", who, l.Sequence, l.Type, rec)
		}
	}
	for _, e := range told {
		if !held[fmt.Sprint(e.Position)] {
			r.t.Errorf("history shows #%d, %s on %s, which the export lacks", e.Position, e.Type, e.Stream)
		}
	}
	if kinds[domain.SourceRaw] {
		r.t.Error("the export holds a body nobody could read: it may name others")
	}
	for _, kind := range types {
		if !kinds[kind] {
			r.t.Errorf("the export holds no %s", kind)
		}
	}
}

// warnedOfTheKey fails unless the doctor warns as long as no copy of the master key was made, and finds nothing wrong in it.
func (r *rig) warnedOfTheKey() {
	r.t.Helper()
	for _, want := range []bool{true, false} {
		found, err := r.Doctor(r.t.Context())
		r.must(err)
		i := slices.IndexFunc(found, func(f app.Finding) bool { return f.Name == "master key" })
		if i < 0 || !found[i].OK || found[i].Warning != want || want != (found[i].Fix != "") {
			r.t.Errorf("the doctor, a copy made %v: %+v", !want, found)
		}
		if want {
			_, err = r.ExportKey(r.t.Context(), filepath.Join(r.t.TempDir(), "copy.key"), httpapi.By{Actor: "test", Reason: "vault"})
			r.must(err)
		}
	}
}

func (r *rig) shownStatus(at string) {
	r.t.Helper()
	var s httpapi.Status
	r.waitFor("the usage of HubSpot's limits", func() bool {
		_, body := r.request(http.MethodGet, at+"/status", "test", nil)
		s = httpapi.Status{}
		r.must(json.Unmarshal(body, &s))
		return s.Systems["hubspot"].Budget != nil
	})
	h := s.Systems["hubspot"]
	if h.Credential != httpapi.CredentialWorks || h.Used == nil || h.Budget.Limit < 1 || h.Budget.Share != 100 { // as the settings say
		r.t.Errorf("status: %+v", h)
	}
	status, body := r.request(http.MethodGet, r.url+"/v1/connections/default", "test", nil)
	var c httpapi.ConnectionInfo
	if err := json.Unmarshal(body, &c); err != nil || status != http.StatusOK || c.Name != "default" || !c.Served || c.Portal == "" {
		r.t.Errorf("connection: %d %s", status, body)
	}
	if _, body := r.request(http.MethodGet, r.url+"/v1/connections", "test", nil); !bytes.Contains(body, []byte(`"name":"default"`)) {
		r.t.Errorf("connections: %s", body)
	}
	if status, _ := r.request(http.MethodGet, r.url+"/v1/connections/south", "test", nil); status != http.StatusNotFound {
		r.t.Errorf("a connection there is none of: %d", status)
	}
}
