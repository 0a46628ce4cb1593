package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/duolog/duolog/eventstore"
)

// checkTime is how long all checks of readiness together may take.
const checkTime = 3 * time.Second

// Reachable is the check that a connection's log answers.
func Reachable(log eventstore.Log) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := log.Head(ctx)
		return err
	}
}

type nothing struct{}

// Health says whether the process can do its work.
type Health struct {
	Status string `json:"status" enum:"ok,failing"`
	// Checks hold "ok" or "failing" by name; the log says why.
	Checks map[string]string `json:"checks,omitempty"`
}

type healthOutput struct {
	Status int
	Body   Health
}

func (a *api) registerHealth() {
	register(a, huma.Operation{
		OperationID: "healthz", Method: http.MethodGet, Path: "/healthz", Tags: []string{"health"},
		Summary: "The process is alive",
	}, "", func(context.Context, *nothing) (*healthOutput, error) {
		return &healthOutput{Status: http.StatusOK, Body: Health{Status: "ok"}}, nil
	})
	register(a, huma.Operation{
		OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Tags: []string{"health"},
		Summary: "The database answers and the planner advances", Description: "503 while a check fails.",
	}, "", a.ready)
	register(a, huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Tags: []string{"health"},
		Summary: "Metrics in Prometheus' text format",
		Responses: map[string]*huma.Response{"200": {
			Description: "Metrics",
			Content:     map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}, ReadStatus, a.scrape)
}

func (a *api) ready(ctx context.Context, _ *nothing) (*healthOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	out := &healthOutput{Status: http.StatusOK, Body: Health{Status: "ok", Checks: map[string]string{}}}
	for _, c := range a.Checks {
		out.Body.Checks[c.Name] = "ok"
		if err := c.Run(ctx); err != nil {
			a.Logger.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("check", c.Name),
				slog.String("error", err.Error()))
			out.Status, out.Body.Status, out.Body.Checks[c.Name] = http.StatusServiceUnavailable, "failing", "failing"
		}
	}
	return out, nil
}

func (a *api) scrape(context.Context, *nothing) (*huma.StreamResponse, error) {
	handler := promhttp.HandlerFor(a.Registry, promhttp.HandlerOpts{})
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		handler.ServeHTTP(w, r)
	}}, nil
}
