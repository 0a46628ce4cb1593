package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

// enduringReplays decide until whoever asked has gone.
type enduringReplays struct{ begun, ended chan error }

func (e enduringReplays) Replay(ctx context.Context, c replay.Config) (replay.Summary, error) {
	if c.Enough == nil || c.Enough() {
		return replay.Summary{}, errors.New("there is no time to decide in")
	}
	e.begun <- nil
	<-ctx.Done()
	e.ended <- ctx.Err()
	return replay.Summary{}, ctx.Err()
}

func (e enduringReplays) WhatIf(context.Context, replay.Config, settings.Settings) (replay.Forecast, error) {
	return replay.Forecast{}, nil
}

func (e enduringReplays) Impact(context.Context, replay.Config, int) (Impact, error) {
	return Impact{Forecast: replay.Forecast{Begin: 3, First: make([]replay.Divergence, 3)}}, nil
}

// TestOneReplayAtATime: a second one is told so, and one ends with the request that asked for it.
func TestOneReplayAtATime(t *testing.T) {
	e := enduringReplays{make(chan error), make(chan error, 1)}
	srv := serve(t, Config{Connection: func(string) (Connection, bool) {
		return Connection{Replays: e, Contacts: struct{ Contacts }{}, Settings: struct{ Settings }{}}, true
	}})
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, "POST", srv.URL+"/v1/connections/default/replay", strings.NewReader(`{}`))
		if err == nil {
			req.Header.Set("Authorization", "Bearer audit")
			req.Header.Set("Content-Type", "application/json")
			var resp *http.Response
			if resp, err = srv.Client().Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
		gone <- err
	}()
	select {
	case <-e.begun:
	case err := <-gone:
		t.Fatalf("it did not begin: %v", err)
	}
	const impact = "/v1/connections/default/settings/impact/2?limit=2"
	resp, body := call(t, srv, "GET", impact, "audit", "")
	wantProblem(t, resp, body, 409)
	leave()
	if err := <-e.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended by %v", err)
	}
	<-gone
	for deadline := time.Now().Add(time.Minute); resp.StatusCode == 409 && time.Now().Before(deadline); {
		resp, body = call(t, srv, "GET", impact, "audit", "")
	}
	if resp.StatusCode != 200 || !strings.Contains(body, `"begin_to_differ":3`) || strings.Count(body, `"trigger"`) != 2 {
		t.Errorf("once it has ended: %d %s", resp.StatusCode, body)
	}
}
