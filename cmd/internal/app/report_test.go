package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/export"
)

// TestAuditOverHTTP: what an auditor asks for comes over HTTP, each look at a person is an act, once for the same look,
// an export is one and proves itself, and when the process ends the log is sealed to its last event.
func TestAuditOverHTTP(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, people: sandboxkit.People(5, 2)})
		r.settle()
		who := r.contact("hubspot:" + r.hubspot.All()[0].ID).ID.String()
		at := r.url + "/v1/connections/default"
		for range 2 {
			for _, path := range []string{"/contacts/" + who, "/contacts/" + who + "/history", "/contacts/" + who + "/card", "/contacts", "/events?limit=1"} {
				if status, body := r.request(http.MethodGet, at+path, "test", nil); status != http.StatusOK {
					t.Fatalf("%s: %d %s", path, status, body)
				}
			}
		}
		var looks []string
		for _, a := range r.acts(domain.AccessMade) {
			looks = append(looks, fmt.Sprint(a.Access.What, " ", len(a.Access.Contacts)))
		}
		if got := strings.Join(looks, ", "); got != "contact 1, history 1, card 1, list 0, feed 0" {
			t.Errorf("looks: %s", got)
		}
		r.reported(at)
		r.exportedOverHTTP(at)
		r.shownStatus(at)
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

// reported asks for the reports.
func (r *rig) reported(at string) {
	r.t.Helper()
	status, body := r.request(http.MethodGet, at+"/report?verify=true", "test", nil)
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
	for _, want := range []string{"complete and unaltered", "token:bootstrap", "head signed"} {
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
	if status, _ := r.request(http.MethodPost, at+"/export", "test", map[string]any{"contact": "hubspot:" + who}); status != http.StatusBadRequest {
		r.t.Errorf("an export without a reason: %d", status)
	}
	status, file := r.request(http.MethodPost, at+"/export", "test", map[string]any{"contact": "hubspot:" + who, "reason": "CASE-7"})
	if status != http.StatusOK {
		r.t.Fatalf("export: %d %s", status, file)
	}
	report, err := export.Verify(bytes.NewReader(file), r.PublicKey())
	if err != nil || !report.OK() || report.Events < 2 || report.Disclosed != report.Events {
		r.t.Errorf("the export does not verify: %v, %+v", err, report)
	}
	if acts := r.acts(domain.ExportMade); len(acts) != 1 || acts[0].Reason != "CASE-7" || acts[0].Export.Events != report.Events {
		r.t.Errorf("acts: %+v", acts)
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
