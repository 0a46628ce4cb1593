package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// acts appends acts to the log, as the wiring does.
type acts struct{ log eventstore.Log }

func (a *acts) append(ctx context.Context, kind string, act domain.Act, by httpapi.By) (httpapi.Done, error) {
	act.Reason = by.Reason
	data, err := json.Marshal(act)
	if err != nil {
		return httpapi.Done{}, err
	}
	got, err := a.log.Append(ctx, eventstore.NewEvent{
		ID: ulid.Make(), Stream: "connection", Type: kind, Schema: 1, Actor: by.Actor,
		Subject: eventstore.SubjectLog, Data: data,
	})
	if err != nil {
		return httpapi.Done{}, err
	}
	return httpapi.Done{Position: got[0].Position, ID: got[0].ID.String()}, nil
}

func (a *acts) SetMode(ctx context.Context, m httpapi.ModeChange, by httpapi.By) (httpapi.Done, error) {
	return a.append(ctx, domain.ModeChanged, domain.Act{Mode: m.Mode, MaxWrites: m.MaxWrites, Filter: m.Filter}, by)
}

func (a *acts) Pause(ctx context.Context, by httpapi.By) (httpapi.Done, error) {
	return a.append(ctx, domain.SyncPaused, domain.Act{}, by)
}

func (a *acts) Resume(context.Context, httpapi.By) (httpapi.Done, error) {
	return httpapi.Done{}, fmt.Errorf("%w: the sync is not paused", httpapi.ErrConflict)
}

func (a *acts) Retry(context.Context, ulid.ULID, httpapi.By) (httpapi.Done, error) {
	return httpapi.Done{}, fmt.Errorf("%w: no such command", httpapi.ErrNotFound)
}

func (a *acts) Decide(ctx context.Context, v httpapi.Verdict, by httpapi.By) (httpapi.Done, error) {
	return a.append(ctx, domain.ReviewSettled, domain.Act{Contact: v.Contact, Verdict: v.Verdict, Field: v.Field}, by)
}

func (a *acts) Discard(ctx context.Context, command ulid.ULID, by httpapi.By) (httpapi.Done, error) {
	return a.append(ctx, domain.CommandDiscarded, domain.Act{Command: command}, by)
}

func (s *service) post(path, body string) answer {
	s.t.Helper()
	return s.do("POST", "/v1/connections/default/"+path,
		http.Header{"Authorization": {"Bearer root"}, "Content-Type": {"application/json"}}, []byte(body))
}

func TestActsCarryActorAndReason(t *testing.T) {
	s := start(t, backends.SQLite(t))
	id := ulid.Make().String()
	for _, tt := range []struct {
		path, body string
		status     int
	}{
		{"mode", `{"mode":"pilot","filter":"city = Bern","max_writes_per_hour":5,"reason":"first week"}`, 200},
		{"pause", `{"reason":"  mapping is wrong "}`, 200},
		{"commands/" + id + "/discard", `{"reason":"tried by hand"}`, 200},
		{"resume", `{"reason":"fixed"}`, 409},
		{"commands/" + id + "/retry", `{"reason":"again"}`, 404},
		{"commands/512/retry", `{"reason":"again"}`, 400},
		{"mode", `{"mode":"live","filter":"city = Bern","reason":"go"}`, 400},
		{"pause", `{"reason":"   "}`, 400},
		{"contacts/" + id + "/verdict", `{"verdict":"exclude","reason":"test record"}`, 200},
		{"contacts/" + id + "/verdict", `{"verdict":"marry","reason":"love"}`, 400},
		{"contacts/" + id + "/verdict", `{"verdict":"same","records":["jane@example.com"],"reason":"asked"}`, 400},
		{"contacts/hubspot:512/verdict", `{"verdict":"read","reason":"again"}`, 404},
	} {
		a := s.post(tt.path, tt.body)
		if a.status != tt.status {
			t.Errorf("%s %s: %d %s, want %d", tt.path, tt.body, a.status, a.body, tt.status)
		} else if tt.status != 200 {
			s.wantProblem(a, tt.status)
		}
	}
	all, a := s.page("", "root")
	if len(all) != 4 || all[0].Extensions()["actor"] != "token:bootstrap" ||
		!strings.Contains(a.body, `"reason":"mapping is wrong"`) || !strings.Contains(a.body, id) {
		t.Errorf("acts in the log: %s", a.body)
	}
}

func TestContactsOfAnEmptyConnection(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		const at = "/v1/connections/default/contacts"
		if a := s.get(at+"?status=held", "root"); a.status != 200 || !strings.Contains(a.body, `"contacts":[]`) {
			t.Errorf("list: %d %s", a.status, a.body)
		}
		for path, want := range map[string]string{"review": `"reviews":[]`, "duplicates": `"duplicates":[]`} {
			if a := s.get("/v1/connections/default/"+path, "root"); a.status != 200 || !strings.Contains(a.body, want) {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		if a := s.post("contacts/find", `{"text":"jane@example.com"}`); a.status != 200 || strings.Contains(a.body, "jane") {
			t.Errorf("find: %d %s", a.status, a.body)
		}
		unknown := ulid.Make().String()
		for path, status := range map[string]int{
			"/" + unknown: 404, "/" + unknown + "/history": 404, "/hubspot:512": 404, "/jane@example.com": 400,
			"/+14155550132/history": 400, "/" + unknown + "?position=1": 404,
			"/" + unknown + "?at=2026-11-01T00:00:00Z": 404, "/" + unknown + "?position=1&at=2026-11-01T00:00:00Z": 400,
		} {
			a := s.get(at+path, "root")
			s.wantProblem(a, status)
			if strings.Contains(a.body, "jane") || strings.Contains(a.body, "4155550132") {
				t.Errorf("%s comes back: %s", path, a.body)
			}
		}
	})
}
