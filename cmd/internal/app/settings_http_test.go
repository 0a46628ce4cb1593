package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// ask asks the API and returns the status and the answer.
func (r *rig) ask(method, path string, body any) (int, map[string]any) {
	r.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		r.must(err)
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+"/v1/connections/default/"+path, in)
	r.must(err)
	req.Header.Set("Authorization", "Bearer test")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	r.must(err)
	defer resp.Body.Close()
	out := map[string]any{}
	r.must(json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestSettingsOverHTTP: everything about settings that can be said by command can be asked for over HTTP.
func TestSettingsOverHTTP(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		type j = map[string]any
		for _, c := range []struct {
			what, method, path string
			body               any
			status             int
			want               string // in the answer
		}{
			{"in force", "GET", "settings", nil, 200, `"version":1`},
			{
				"set", "POST", "settings/set",
				j{"set": j{"city.conflict": "newest", "contacts.create": "←"}, "reason": "CHG-1"},
				200, `{"changed":true,"changes":[{"key":"contacts.create","now":"to_aloware","was":"both"},` +
					`{"key":"city.conflict","now":"newest","was":"hubspot"}],"notes":[],"version":2}`,
			},
			{"the same again", "POST", "settings/set", j{"set": j{"city.conflict": "newest"}, "reason": "x"}, 200, `"changed":false`},
			{"a mistake", "POST", "settings/set", j{"set": j{"city.conflict": "loudest"}, "reason": "x"}, 400, `"field":"fields.city.conflict"`},
			{"an older version", "POST", "settings/set", j{"set": j{"gate": "sync"}, "based_on": 1, "reason": "x"}, 409, "based on version 1, now is 2"},
			{"no reason", "POST", "settings/set", j{"set": j{"gate": "sync"}, "reason": "  "}, 400, "needs a reason"},
			{
				"a file", "POST", "settings",
				j{"settings": j{"based_on": 2, "preset": "recommended", "limits": j{"aloware_per_second": 1000}}, "reason": "CHG-2"},
				200, `"version":3`,
			},
			{"an older file", "POST", "settings", j{"settings": j{"based_on": 2, "preset": "default"}, "reason": "x"}, 409, "based on version 2"},
			{"a bad file", "POST", "settings", j{"settings": j{"presett": "default"}, "reason": "x"}, 400, "did you mean preset?"},
			{"no file", "POST", "settings", j{"settings": []int{1}, "reason": "x"}, 400, "one JSON object"},
			{"checked", "POST", "settings/validate", j{"settings": j{"contacts": j{"only": "cty = x"}}}, 200, `"ok":false`},
			{"checked and good", "POST", "settings/validate", j{"settings": j{"preset": "default", "limits": j{"big_jobs": "20:00-06:00"}}}, 200, `"ok":true`},
			{"back", "POST", "settings/rollback", j{"version": 1, "reason": "CHG-2 was wrong"}, 200, `"version":4`},
			{"back to nothing", "POST", "settings/rollback", j{"version": 9, "reason": "x"}, 404, "there is no version 9"},
			{"in the end", "GET", "settings", nil, 200, `"preset":"default"`},
			{"history", "GET", "settings/history", nil, 200, `"reason":"CHG-2 was wrong"`},
			{"who", "GET", "settings/history", nil, 200, `"actor":"token:bootstrap"`},
			{"again", "POST", "replay", j{}, 200, `"ok":true`},
			{"from the end on", "POST", "replay", j{"from": 9, "to": 3}, 400, "body.from"},
			{"nothing between", "POST", "replay", j{"from": "9", "to": "3"}, 400, "nothing lies between"},
			{"what if", "POST", "whatif", j{"set": j{"contacts.create": "←"}, "from": "2020-01-01T00:00:00Z", "seconds": 60}, 200, `"key":"contacts.create"`},
			{"what if nothing", "POST", "whatif", j{"preset": "default"}, 200, `"same":true`},
			{"what if both", "POST", "whatif", j{"preset": "default", "set": j{"gate": "sync"}}, 400, "want one of"},
			{"impact", "GET", "settings/impact/2", nil, 200, `"reason":"CHG-1"`},
			{"impact of nothing", "GET", "settings/impact/9", nil, 404, "there is no version 9"},
		} {
			status, out := r.ask(c.method, c.path, c.body)
			if status != c.status || !strings.Contains(text(out), c.want) {
				t.Errorf("%s: %d %s, want %d with %s", c.what, status, text(out), c.status, c.want)
			}
		}
		r.inForce(4, "both")
	})
}
