package app_test

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

// exported writes the contacts of the sandbox as Aloware's screen exports them.
func (r *rig) exported(columns ...string) string {
	r.t.Helper()
	var b strings.Builder
	w := csv.NewWriter(&b)
	r.must(w.Write(columns))
	for _, c := range r.aloware.All() {
		cells := make([]string, len(columns))
		for i, name := range columns {
			if cells[i] = c.Properties[name]; name == "id" {
				cells[i] = c.ID
			}
		}
		r.must(w.Write(cells))
	}
	w.Flush()
	return b.String()
}

// mappedColumns are all that is read of Aloware.
func (r *rig) mappedColumns() []string {
	r.t.Helper()
	c, _, err := r.Control(r.t.Context())
	r.must(err)
	return append(c.Settings.ReadProperties(domain.Aloware), "id")
}

func (r *rig) imported(text string, asOf time.Time) httpapi.Imported {
	r.t.Helper()
	done, err := r.ImportAloware(r.t.Context(), strings.NewReader(text), app.Import{AsOf: asOf}, tester)
	r.must(err)
	r.settle()
	return done
}

// TestImport: people nobody told of become known from an export, and arrive on the other side; the same file again
// appends nothing, and what is older than what was seen since changes nothing.
func TestImport(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, aloware: sandboxkit.Faults{Seed: 3, WebhookLoss: 1}})
		r.settle()
		for i, c := 0, sandboxkit.NewChance(3, "people"); i < 12; i++ {
			_, err := r.aloware.CreateFields(sandboxkit.NewFields(c, i))
			r.must(err)
		}
		r.settle()
		if n := len(r.hubspot.All()); n != 0 {
			t.Fatalf("%d in HubSpot before the import", n)
		}
		file, asOf := r.exported(r.mappedColumns()...), time.Now()
		if done := r.imported(file, asOf); done.Rows != 12 || done.Facts != 12 || done.Bad != 0 || len(done.Missing) != 0 {
			t.Errorf("imported %+v", done)
		}
		if n := len(r.hubspot.All()); n != 12 {
			t.Errorf("%d in HubSpot, want 12", n)
		}
		r.agreed()

		before := r.head()
		if done := r.imported(file, asOf); done.Facts != 0 {
			t.Errorf("imported again: %+v", done)
		}
		if r.head() != before {
			t.Error("the same file was stored twice")
		}

		one := r.aloware.All()[0]
		id := r.contactID("aloware:"+one.ID, domain.HubSpot)
		r.must(r.hubspot.Edit(id, map[string]string{"city": "Turin"}, "7"))
		r.settle()
		if done := r.imported(file, asOf.Add(time.Millisecond)); done.Facts != 1 {
			t.Errorf("an old export: %+v, want one that differs from what was seen", done)
		}
		r.same("HubSpot", r.inHubSpot("city", "Turin")[0].Properties, map[string]string{"city": "Turin"})
		r.agreed()
		r.verified()
	})
}

// contactID is the id of a contact's record in a system.
func (r *rig) contactID(of string, in domain.System) string {
	r.t.Helper()
	for _, rec := range r.contact(of).Records {
		if rec.System == in {
			return rec.ID
		}
	}
	r.t.Fatalf("%s has no record in %s", of, in)
	return ""
}

// TestImportWithoutIDs: people of a file without ids are known by their number, or asked for; over HTTP as well. Who
// cannot be found is told by line.
func TestImportWithoutIDs(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.settle()
	r.aloware.SetTarget("")
	_, err := r.aloware.Create(graceAloware, "")
	r.must(err)
	file := "Phone;First name;Tel 2\n" + gracePhone + ";Grace;x\n+12125550100;Nobody;\nnone;Eve;\n"
	q := url.Values{"as_of": {time.Now().Format(time.RFC3339Nano)}, "reason": {"test"}}
	status, body := r.file("/v1/connections/default/import/aloware?"+q.Encode(), file)
	if status != 200 || body.Facts != 1 || body.Asked != 2 || body.Bad != 2 {
		t.Fatalf("%d %+v", status, body)
	}
	if lines := []int{body.Lines[0].Line, body.Lines[1].Line}; !slices.Equal(lines, []int{3, 4}) {
		t.Errorf("lines %v, want 3 and 4", lines)
	}
	r.settle()
	if n := len(r.inHubSpot("lastname", "Hopper")); n != 1 {
		t.Errorf("%d Graces in HubSpot", n)
	}
	q.Set("as_of", time.Now().Add(time.Hour).Format(time.RFC3339))
	if status, _ := r.file("/v1/connections/default/import/aloware?"+q.Encode(), file); status != 400 && status != 422 {
		t.Errorf("an export of tomorrow: %d", status)
	}
}

// file posts a file.
func (r *rig) file(path, text string) (int, httpapi.Imported) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+path, strings.NewReader(text))
	r.must(err)
	req.Header.Set("Authorization", "Bearer test")
	req.Header.Set("Content-Type", "text/csv")
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	defer func() { _ = res.Body.Close() }()
	var done httpapi.Imported
	b, err := io.ReadAll(res.Body)
	r.must(err)
	_ = json.Unmarshal(b, &done)
	return res.StatusCode, done
}
