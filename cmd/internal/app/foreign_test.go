package app_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/duolog/duolog/domain/settings"
)

func toAloware(s *settings.Settings) { s.Contacts.Create = settings.ToAloware }

// call writes to HubSpot's API as another tool does that shares our token: what it writes carries our app's id.
func (r *rig) call(method, path string, properties map[string]string) string {
	r.t.Helper()
	b, err := json.Marshal(map[string]any{"properties": properties})
	r.must(err)
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.config.HubSpot.BaseURL+path, bytes.NewReader(b))
	r.must(err)
	req.Header.Set("Authorization", "Bearer any")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	defer func() { _ = res.Body.Close() }()
	var out struct {
		ID string `json:"id"`
	}
	r.must(json.NewDecoder(res.Body).Decode(&out))
	if res.StatusCode/100 != 2 {
		r.t.Fatalf("%s %s: %s", method, path, res.Status)
	}
	return out.ID
}

// TestAnotherToolUnderOurToken: a change that carries our app's id and is not ours is a change: it flows, and is not
// taken back.
func TestAnotherToolUnderOurToken(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.baseline()
	const contacts = "/crm/v3/objects/contacts"
	id := r.call(http.MethodPost, contacts, adaHubSpot)
	r.settle()
	h, a := r.twin(adaPhone)
	r.same("Aloware, created", a.Properties, map[string]string{"first_name": "Ada", "cnam_city": "London"})
	if h.ID != id {
		t.Errorf("the record in HubSpot is %s, want %s", h.ID, id)
	}
	for _, city := range []string{"Ockham", "Paris", "London", "Paris"} {
		r.call(http.MethodPatch, contacts+"/"+id, map[string]string{"city": city})
		r.settle()
		h, a = r.twin(adaPhone)
		r.same("HubSpot, "+city, h.Properties, map[string]string{"city": city})
		r.same("Aloware, "+city, a.Properties, map[string]string{"cnam_city": city})
	}
	r.must(r.aloware.Edit(a.ID, map[string]any{"city": "Rome"})) // ours is on its way and comes back
	r.settle()
	r.call(http.MethodPatch, contacts+"/"+id, map[string]string{"city": "Paris", "address": "1 Main St"})
	r.settle()
	h, a = r.twin(adaPhone)
	r.same("HubSpot", h.Properties, map[string]string{"city": "Paris", "address": "1 Main St"})
	r.same("Aloware", a.Properties, map[string]string{"cnam_city": "Paris", "address": "1 Main St"})
	r.call(http.MethodPatch, contacts+"/"+id, map[string]string{"city": "Oslo"})
	r.call(http.MethodPatch, contacts+"/"+id, map[string]string{"city": "Bergen"}) // one after the other, before we answer
	r.settle()
	h, a = r.twin(adaPhone)
	r.same("HubSpot", h.Properties, map[string]string{"city": "Bergen"})
	r.same("Aloware", a.Properties, map[string]string{"cnam_city": "Bergen"})
	r.agreed()
}
