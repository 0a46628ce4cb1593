package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/catalogs"
	"github.com/duolog/duolog/projections/history"
)

// request makes a request and returns its status and body.
func (r *rig) request(method, url, token string, body any) (int, []byte) {
	r.t.Helper()
	raw, err := json.Marshal(body)
	r.must(err)
	if body == nil {
		raw = nil
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, bytes.NewReader(raw))
	r.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	r.must(err)
	return res.StatusCode, b
}

// portal asks the HubSpot stand-in by its API, and box the stand-in of Aloware as people use its screens.
func (r *rig) portal(method, path string, body any) map[string]any {
	r.t.Helper()
	return r.answered(method, r.config.HubSpot.BaseURL+path, body)
}

func (r *rig) box(path string, body any) map[string]any {
	r.t.Helper()
	return r.answered(http.MethodPost, r.config.Aloware.BaseURL+"/_sandbox/"+path, body)
}

func (r *rig) answered(method, url string, body any) map[string]any {
	r.t.Helper()
	status, b := r.request(method, url, "any", body)
	if status/100 != 2 {
		r.t.Fatalf("%s %s: %d %s", method, url, status, b)
	}
	out := map[string]any{}
	_ = json.Unmarshal(b, &out) // a 204 has no body
	return out
}

// asked gets a path of Duolog's own API below the connection.
func asked[T any](r *rig, path string) T {
	r.t.Helper()
	var v T
	status, b := r.request(http.MethodGet, r.url+"/v1/connections/default/"+path, "test", nil)
	if status != http.StatusOK {
		r.t.Fatalf("GET %s: %d %s", path, status, b)
	}
	r.must(json.Unmarshal(b, &v))
	return v
}

// told posts to Duolog's own API.
func (r *rig) told(path string, body any) {
	r.t.Helper()
	if status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/"+path, "test", body); status != http.StatusOK {
		r.t.Fatalf("POST %s: %d %s", path, status, b)
	}
}

// pulled has the owner pull over HTTP, and returns the catalog facts that came of it.
func (r *rig) pulled(name string) []domain.CatalogFact {
	r.t.Helper()
	before := r.head()
	r.told("pull/"+name, map[string]string{"reason": "test"})
	r.settle()
	return r.catalogFacts(before)
}

// catalogFacts are those after a position.
func (r *rig) catalogFacts(after int64) []domain.CatalogFact {
	r.t.Helper()
	var out []domain.CatalogFact
	r.since(after, func(e eventstore.Event) {
		if e.Type == domain.CatalogObserved {
			var f domain.CatalogFact
			r.must(json.Unmarshal(e.Data, &f))
			out = append(out, f)
		}
	})
	return out
}

// since calls fn for every event after a position.
func (r *rig) since(after int64, fn func(eventstore.Event)) {
	r.t.Helper()
	for {
		events, err := r.Log.Read(r.t.Context(), after, 500)
		r.must(err)
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			after = e.Position
			fn(e)
		}
	}
}

// row is a catalog's entry with an id in HubSpot, or else in Aloware.
func (r *rig) row(c httpapi.Catalog, id string) catalogs.Row {
	r.t.Helper()
	for _, row := range c.Rows {
		if row.HubSpot != nil && row.HubSpot.ID == id || row.HubSpot == nil && row.Aloware.ID == id {
			return row
		}
	}
	r.t.Fatalf("%s has no %s", c.Name, id)
	return catalogs.Row{}
}

// entriesOf are a contact's history entries of a kind, by HTTP.
func (r *rig) entriesOf(record, kind string) []history.Entry {
	r.t.Helper()
	var out []history.Entry
	for _, e := range asked[httpapi.History](r, "contacts/"+record+"/history?limit=1000").Entries {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// option is a choice as HubSpot's API takes it.
func option(value, label string, order int) map[string]any {
	return map[string]any{"value": value, "label": label, "displayOrder": order, "hidden": false}
}

// starts are the acts that started a pull, by name, with when.
func (r *rig) starts() map[string][]time.Time {
	r.t.Helper()
	out := map[string][]time.Time{}
	r.since(0, func(e eventstore.Event) {
		var a domain.Act
		if e.Type == domain.OperationStarted && json.Unmarshal(e.Data, &a) == nil {
			if name, ok := catalogs.Pull(a.Name); ok {
				out[name] = append(out[name], time.UnixMicro(e.RecordedAt))
			}
		}
	})
	return out
}

// eventsOf are the events of a type after a position.
func (r *rig) eventsOf(after int64, kind string) []eventstore.Event {
	r.t.Helper()
	var out []eventstore.Event
	r.since(after, func(e eventstore.Event) {
		if e.Type == kind {
			out = append(out, e)
		}
	})
	return out
}

// waitFor waits until a condition holds.
func (r *rig) waitFor(what string, holds func() bool) {
	r.t.Helper()
	r.wait(what, func(context.Context) (bool, error) { return holds(), nil })
}

// sealed fails when a text stands in the files of a SQLite database as it is.
func (r *rig) sealed(texts ...string) {
	r.t.Helper()
	path := r.config.SQLite()
	if path == "" {
		return
	}
	for _, file := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(file)
		r.must(err)
		if len(b) == 0 {
			r.t.Errorf("%s is empty", file)
		}
		for _, text := range texts {
			if bytes.Contains(b, []byte(text)) {
				r.t.Errorf("%q can be read in %s", text, file)
			}
		}
	}
}
