package httpapi

import (
	"context"
	"errors"
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

// Usable is the check that a connection's log answers and can be written.
func Usable(store eventstore.Store, log eventstore.Log) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := log.Head(ctx); err != nil {
			return err
		}
		return store.Writable(ctx)
	}
}

type nothing struct{}

// Health says whether the process can do its work.
type Health struct {
	Status string `json:"status" enum:"ok,failing"`
	// Checks hold "ok" or "failing" by name.
	Checks map[string]string `json:"checks,omitempty"`
	// Reasons say of each check that fails why, and what to do.
	Reasons map[string]string `json:"reasons,omitempty"`
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
			out.fails(c.Name, err)
		}
	}
	return out, nil
}

func (o *healthOutput) fails(check string, err error) {
	if o.Body.Reasons == nil {
		o.Body.Reasons = map[string]string{}
	}
	o.Status, o.Body.Status = http.StatusServiceUnavailable, "failing"
	o.Body.Checks[check], o.Body.Reasons[check] = "failing", reason(err)
}

// reason says what is wrong and what to do in words that give nothing away: anybody may ask.
func reason(err error) string {
	switch {
	case errors.Is(err, eventstore.ErrDisk):
		return unwritable + ": make room on its disk, or see whether it may be written; everything then goes on by itself"
	case errors.Is(err, eventstore.ErrRights):
		return refusing + ": duolog migrate up --runtime-role ROLE, as the owner of its tables, gives that; everything then goes on by itself"
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return unreachable + ": is it running, and can it be reached from here?"
	}
	return "the log says why"
}

// What may be said of a database that fails.
const (
	unwritable  = "the database cannot be written"
	refusing    = "the service's role lacks a right in the database"
	unreachable = "the database cannot be reached"
)

func (a *api) scrape(context.Context, *nothing) (*huma.StreamResponse, error) {
	handler := promhttp.HandlerFor(a.Registry, promhttp.HandlerOpts{})
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		handler.ServeHTTP(w, r)
	}}, nil
}
