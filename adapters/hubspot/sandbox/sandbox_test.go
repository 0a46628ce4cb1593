package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
)

// portal is a sandbox behind real HTTP.
type portal struct {
	*sandbox.Sandbox
	url string
	t   *testing.T
}

func open(t *testing.T, cfg sandbox.Config) portal {
	t.Helper()
	s := sandbox.New(cfg)
	server := httptest.NewServer(s)
	t.Cleanup(func() { server.Close(); s.Close() })
	return portal{s, server.URL, t}
}

// do makes a request as HubSpot's client libraries do, and decodes the answer.
func (p portal) do(method, path, body string) (int, map[string]any, http.Header) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer pat-na1-any")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var out map[string]any
	_ = json.Unmarshal(b, &out)
	return res.StatusCode, out, res.Header
}

// want is do with the status checked.
func (p portal) want(status int, method, path, body string) map[string]any {
	p.t.Helper()
	got, out, _ := p.do(method, path, body)
	if got != status {
		p.t.Fatalf("%s %s: %d %v, want %d", method, path, got, out, status)
	}
	return out
}

// at walks into decoded JSON: names and indexes.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

func results(out map[string]any) []any {
	l, _ := out["results"].([]any)
	return l
}

// TestPaths: numbered and date-based paths lead to the same portal.
func TestPaths(t *testing.T) {
	p := open(t, sandbox.Config{})
	id := at(p.want(201, "POST", "/crm/v3/objects/contacts",
		`{"properties":{"email":"a@x.example","seats":3},"associations":[]}`), "id").(string)
	deal := at(p.want(201, "POST", "/crm/objects/2026-09/deals", `{"properties":{"dealname":"D","amount":"1500.00"},
		"associations":[{"to":{"id":"`+id+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":3}]}]}`),
		"id").(string)
	for _, path := range []string{
		"/crm/v3/objects/contacts/" + id, "/crm/objects/2026-09/contacts/" + id, "/crm/objects/2026-09/0-1/" + id,
		"/crm/v3/objects/contacts/a@x.example?idProperty=email&properties=email,seats&archived=false",
		"/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts?limit=100&archived=false",
		"/crm/v3/properties/contacts", "/crm/properties/2026-09/contacts", "/crm/v3/properties/contacts/hs_lead_status",
		"/crm/v3/owners", "/crm/owners/2026-09?limit=100", "/crm/v3/owners/71", "/crm/v3/pipelines/deals",
		"/crm/pipelines/2026-09/deals/default", "/account-info/v3/details", "/account-info/2026-09/details",
		"/crm/v3/objects/deals/" + deal, "/crm/v4/objects/deals/" + deal + "/associations/contacts",
		"/crm/objects/2026-09/contacts/" + id + "/associations/deals", "/calling/v1/dispositions",
	} {
		p.want(200, "GET", path, "")
	}
	out := p.want(200, "GET", "/crm/v4/objects/contacts/"+id+"/associations/deals", "")
	if got := at(out, "results", 0, "toObjectId"); fmt.Sprint(got) != deal {
		t.Errorf("associated with %v, want %s", got, deal)
	}
	out = p.want(200, "POST", "/crm/associations/2026-09/deals/contacts/batch/read", `{"inputs":[{"id":"`+deal+`"}]}`)
	if at(out, "results", 0, "from", "id") != deal {
		t.Errorf("batch read of associations: %v", out)
	}
	if status, _, _ := p.do("GET", "/crm/v9/objects/contacts", ""); status != 404 {
		t.Errorf("an unknown path answered %d", status)
	}
}

func TestEmailIsUnique(t *testing.T) {
	p := open(t, sandbox.Config{})
	id := at(p.want(201, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"Ann@X.example "}}`), "id")
	out := p.want(409, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"ann@x.example"}}`)
	if out["message"] != fmt.Sprintf("Contact already exists. Existing ID: %v", id) || out["category"] != "CONFLICT" {
		t.Errorf("%v", out)
	}
	// A batch fails as a whole, unless each row can be told by a trace id.
	p.want(409, "POST", "/crm/v3/objects/contacts/batch/create",
		`{"inputs":[{"properties":{"email":"ann@x.example"}},{"properties":{"email":"b@x.example"}}]}`)
	out = p.want(207, "POST", "/crm/v3/objects/contacts/batch/create", `{"inputs":[
		{"properties":{"email":"ann@x.example"},"objectWriteTraceId":"r1"},
		{"properties":{"email":"b@x.example"},"objectWriteTraceId":"r2"}]}`)
	if at(out, "errors", 0, "context", "objectWriteTraceId", 0) != "r1" ||
		at(out, "results", 0, "objectWriteTraceId") != "r2" {
		t.Errorf("%v", out)
	}
	out = p.want(400, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"no email"}}`)
	if !strings.Contains(fmt.Sprint(out["message"]), `Property values were not valid: [{"isValid":false`) {
		t.Errorf("%v", out)
	}
	p.want(400, "POST", "/crm/v3/objects/contacts", `{"properties":{"city":"Berlin"}}`) // nobody
	if p.Stats().Contacts != 2 || p.Writes() != 7 {                                     // two of them taken
		t.Errorf("%+v", p.Stats())
	}
}

func TestBatchLimits(t *testing.T) {
	p := open(t, sandbox.Config{})
	many := strings.TrimSuffix(strings.Repeat(`{"id":"1"},`, 101), ",")
	p.want(400, "POST", "/crm/v3/objects/contacts/batch/read", `{"inputs":[`+many+`]}`)
	p.want(400, "POST", "/crm/v3/objects/contacts/batch/update",
		`{"inputs":[{"id":"1","properties":{}},{"id":"1","properties":{}}]}`)
	p.want(400, "POST", "/crm/v3/objects/contacts/batch/upsert",
		`{"inputs":[{"id":"1","idProperty":"firstname","properties":{}}]}`)
	out := p.want(207, "POST", "/crm/v3/objects/contacts/batch/update", `{"inputs":[{"id":"404404","properties":{}}]}`)
	if at(out, "errors", 0, "category") != "OBJECT_NOT_FOUND" || at(out, "errors", 0, "context", "ids", 0) != "404404" {
		t.Errorf("%v", out)
	}
}

func TestSearch(t *testing.T) {
	p := open(t, sandbox.Config{SearchRate: -1})
	for i := range 12 {
		p.want(201, "POST", "/crm/v3/objects/contacts", fmt.Sprintf(
			`{"properties":{"email":"p%02d@x.example","seats":"%d","firstname":"Ann%d","phone":"(415) 555-01%02d"}}`,
			i, i, i%2, i))
	}
	for filter, want := range map[string]int{
		`{"propertyName":"firstname","operator":"EQ","value":"ann1"}`:                                   6,
		`{"propertyName":"firstname","operator":"NEQ","value":"Ann1"}`:                                  6,
		`{"propertyName":"seats","operator":"GTE","value":"10"}`:                                        2,
		`{"propertyName":"seats","operator":"LT","value":2}`:                                            2,
		`{"propertyName":"seats","operator":"BETWEEN","value":"2","highValue":"4"}`:                     3,
		`{"propertyName":"firstname","operator":"IN","values":["ann1","zoe"]}`:                          6,
		`{"propertyName":"firstname","operator":"IN","values":["Ann1"]}`:                                0, // lower case only
		`{"propertyName":"city","operator":"HAS_PROPERTY"}`:                                             0,
		`{"propertyName":"city","operator":"NOT_HAS_PROPERTY"}`:                                         12,
		`{"propertyName":"email","operator":"CONTAINS_TOKEN","value":"p01@x.example"}`:                  1,
		`{"propertyName":"email","operator":"CONTAINS_TOKEN","value":"p0*"}`:                            10,
		`{"propertyName":"email","operator":"NOT_CONTAINS_TOKEN","value":"example"}`:                    0,
		`{"propertyName":"lastmodifieddate","operator":"GTE","value":"0"}`:                              12,
		`{"propertyName":"createdate","operator":"GT","value":"2999-01-01T00:00:00.000Z"}`:              0,
		`{"propertyName":"hs_searchable_calculated_phone_number","operator":"EQ","value":"4155550103"}`: 1,
	} {
		out := p.want(200, "POST", "/crm/v3/objects/contacts/search",
			`{"filterGroups":[{"filters":[`+filter+`]}],"limit":100}`)
		if int(out["total"].(float64)) != want {
			t.Errorf("%s: %v, want %d", filter, out["total"], want)
		}
	}
	page := p.want(200, "POST", "/crm/objects/2026-09/contacts/search",
		`{"filterGroups":[],"sorts":[{"propertyName":"seats","direction":"DESCENDING"}],"properties":["seats"],`+
			`"limit":5,"after":"5"}`)
	if at(page, "results", 0, "properties", "seats") != "6" || at(page, "paging", "next", "after") != "10" {
		t.Errorf("%v", page)
	}
	for name, body := range map[string]string{
		"past 10,000":     `{"limit":100,"after":"9950"}`,
		"page too large":  `{"limit":201}`,
		"too many groups": `{"filterGroups":[` + strings.TrimSuffix(strings.Repeat(`{"filters":[]},`, 6), ",") + `]}`,
		"too long":        `{"query":"` + strings.Repeat("x", 3000) + `"}`,
		"no property":     `{"filterGroups":[{"filters":[{"propertyName":"nope","operator":"EQ","value":"1"}]}]}`,
		"no operator":     `{"filterGroups":[{"filters":[{"propertyName":"city","operator":"LIKE","value":"1"}]}]}`,
	} {
		if status, _, _ := p.do("POST", "/crm/v3/objects/contacts/search", body); status != 400 {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func TestRateLimits(t *testing.T) {
	at := time.Now()
	p := open(t, sandbox.Config{Faults: sandboxkit.Faults{RateLimit: 3}, Clock: func() time.Time { return at }})
	for i := range 3 {
		_, _, h := p.do("GET", "/crm/v3/owners", "")
		if h.Get("X-HubSpot-RateLimit-Max") != "3" || h.Get("X-HubSpot-RateLimit-Remaining") != fmt.Sprint(2-i) {
			t.Errorf("headers %v", h)
		}
	}
	if out := p.want(429, "GET", "/crm/v3/owners", ""); out["policyName"] != "TEN_SECONDLY_ROLLING" {
		t.Errorf("%v", out)
	}
	for range 5 {
		_, _, h := p.do("POST", "/crm/v3/objects/contacts/search", "{}")
		if h.Get("X-HubSpot-RateLimit-Max") != "" {
			t.Error("a search told a limit")
		}
	}
	if out := p.want(429, "POST", "/crm/v3/objects/contacts/search", "{}"); out["policyName"] != "SECONDLY" {
		t.Errorf("%v", out)
	}
	at = at.Add(10 * time.Second)
	p.want(200, "GET", "/crm/v3/owners", "")
}

func TestMergeHistoryAndErase(t *testing.T) {
	p := open(t, sandbox.Config{})
	make := func(body string) string {
		return at(p.want(201, "POST", "/crm/v3/objects/contacts", `{"properties":`+body+`}`), "id").(string)
	}
	a, b := make(`{"email":"a@x.example","city":"Rome"}`), make(`{"email":"b@x.example","state":"NY"}`)
	p.want(200, "PATCH", "/crm/v3/objects/contacts/"+a, `{"properties":{"city":"Berlin"}}`)
	out := p.want(200, "GET", "/crm/v3/objects/contacts/"+a+"?propertiesWithHistory=city", "")
	if at(out, "propertiesWithHistory", "city", 0, "value") != "Berlin" ||
		at(out, "propertiesWithHistory", "city", 1, "value") != "Rome" ||
		at(out, "propertiesWithHistory", "city", 0, "sourceId") != "900100" {
		t.Errorf("%v", out)
	}
	merged := at(p.want(200, "POST", "/crm/v3/objects/contacts/merge",
		`{"primaryObjectId":"`+a+`","objectIdToMerge":"`+b+`"}`), "id").(string)
	for _, id := range []string{a, b, merged} {
		out = p.want(200, "GET", "/crm/v3/objects/contacts/"+id+
			"?properties=email,city,state,hs_additional_emails,hs_merged_object_ids", "")
		props := at(out, "properties").(map[string]any)
		if out["id"] != merged || props["email"] != "a@x.example" || props["city"] != "Berlin" || props["state"] != "NY" ||
			props["hs_additional_emails"] != "b@x.example" || props["hs_merged_object_ids"] != a+";"+b {
			t.Errorf("%s: %v", id, out)
		}
	}
	p.want(409, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"b@x.example"}}`) // still taken
	p.want(204, "POST", "/crm/v3/objects/contacts/gdpr-delete", `{"objectId":"a@x.example","idProperty":"email"}`)
	p.want(404, "GET", "/crm/v3/objects/contacts/"+merged, "")
	p.want(400, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"a@x.example"}}`) // blocked
}

func TestRecycleBin(t *testing.T) {
	p := open(t, sandbox.Config{})
	id, err := p.Create(map[string]string{"email": "a@x.example"}, "7")
	if err != nil {
		t.Fatal(err)
	}
	p.want(204, "DELETE", "/crm/v3/objects/contacts/"+id, "")
	p.want(404, "GET", "/crm/v3/objects/contacts/"+id, "")
	if n := len(results(p.want(200, "GET", "/crm/v3/objects/contacts?archived=true", ""))); n != 1 {
		t.Errorf("%d in the recycle bin", n)
	}
	if err := p.Restore(id); err != nil {
		t.Fatal(err)
	}
	p.want(200, "GET", "/crm/v3/objects/contacts/a@x.example?idProperty=email", "")
}

func TestControl(t *testing.T) {
	p := open(t, sandbox.Config{})
	a := at(p.want(200, "POST", "/_sandbox/create", `{"properties":{"email":"a@x.example"}}`), "id").(string)
	b := at(p.want(200, "POST", "/_sandbox/create", `{"properties":{"email":"b@x.example"}}`), "id").(string)
	p.want(200, "POST", "/_sandbox/edit", `{"id":"`+a+`","properties":{"city":"Rome"}}`)
	p.want(409, "POST", "/_sandbox/edit", `{"id":"`+a+`","properties":{"email":"b@x.example"}}`)
	p.want(200, "POST", "/_sandbox/merge", `{"id":"`+a+`","other":"`+b+`"}`)
	p.want(200, "POST", "/_sandbox/quiesce", "")
	if got := p.want(200, "GET", "/_sandbox/stats", ""); got["contacts"] != 1.0 || got["writes"] != 0.0 {
		t.Errorf("%v", got)
	}
	res, err := http.Get(p.url + "/_sandbox/contacts")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var list []sandbox.Contact
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil || len(list) != 1 || len(list[0].Aliases) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

// BenchmarkBatchRead keeps an eye on a portal of some size.
func BenchmarkBatchRead(b *testing.B) {
	s := sandbox.New(sandbox.Config{Faults: sandboxkit.Faults{RateLimit: -1}})
	defer s.Close()
	if err := s.Seed(sandboxkit.People(1, 10_000)); err != nil {
		b.Fatal(err)
	}
	var body bytes.Buffer
	body.WriteString(`{"properties":["email"],"inputs":[`)
	for i, id := range s.IDs()[:100] {
		fmt.Fprintf(&body, `%s{"id":"%s"}`, strings.Repeat(",", min(i, 1)), id)
	}
	body.WriteString("]}")
	for b.Loop() {
		r := httptest.NewRequest("POST", "/crm/v3/objects/contacts/batch/read", bytes.NewReader(body.Bytes()))
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
