package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/history"
)

// steer posts a verb about the projection history and returns how it stands then.
func (s *service) steer(verb string, status int) (p httpapi.Projection) {
	s.t.Helper()
	a := s.do("POST", "/v1/connections/default/projections/"+verb, http.Header{"Authorization": {"Bearer root"}}, nil)
	if a.status != status {
		s.t.Fatalf("%s: %d %s, want %d", verb, a.status, a.body, status)
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// until waits for a version to be live.
func (s *service) until(live int64) {
	s.t.Helper()
	for began := time.Now(); ; {
		var list httpapi.ProjectionList
		a := s.get("/v1/connections/default/projections", "root")
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list.Projections) != 1 {
			s.t.Fatalf("%d %s: %v", a.status, a.body, err)
		}
		if list.Projections[0].Rebuild.Live == live {
			return
		}
		if time.Since(began) > time.Minute {
			s.t.Fatalf("version %d is not live: %s", live, a.body)
		}
	}
}

func TestProjectionsAreRebuiltOverHTTP(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		s.append(act(domain.SyncPaused), act(domain.SyncResumed))
		if p := s.steer("history/rebuild", 200).Rebuild; p.State != projections.Stopped || p.Live != 1 || p.Version != 2 {
			t.Errorf("begun: %+v", p)
		}
		if p := s.steer("history/pause", 200).Rebuild; p.State != projections.Resting {
			t.Errorf("paused: %+v", p)
		}
		s.steer("history/rollback", 409)
		if p := s.steer("history/resume", 200).Rebuild; p.State != projections.Stopped {
			t.Errorf("resumed: %+v", p)
		}
		if p := s.steer("history/cancel", 200).Rebuild; p.State != "" || p.Live != 1 {
			t.Errorf("cancelled: %+v", p)
		}
		for _, verb := range []string{"pause", "resume", "cancel", "rollback"} {
			s.steer("history/"+verb, 409)
		}
		s.steer("nonsense/rebuild", 404)
		if a := s.do("POST", "/v1/connections/default/projections/history/rebuild", http.Header{"Authorization": {"Bearer feed"}}, nil); a.status != 403 {
			t.Errorf("a consumer is answered %d", a.status)
		}

		// Whoever runs the projections does what was asked for.
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		s.steer("history/rebuild", 200)
		go func() { ended <- projections.New(store, s.log, projections.Options{}, history.Projection{}).Run(ctx) }()
		s.until(2)
		s.steer("history/rollback", 200)
		s.until(1)
		stop()
		<-ended
	})
}
