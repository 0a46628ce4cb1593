package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
)

// retryAfter is how many seconds a sender is asked to wait while the database is away.
const retryAfter = "5"

// Problem is an RFC 9457 problem document. It never repeats what the request held.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// ContinueAfter is where a consumer whose checkpoint does not fit the log may go on: "generation:position".
	ContinueAfter string `json:"continue_after,omitempty"`
	// Errors say which parameter is wrong and why.
	Errors []Fault `json:"errors,omitempty"`
	// Faults say what is wrong with settings that were sent.
	Faults []settings.Fault `json:"faults,omitempty"`
}

// Fault is one thing wrong with a request.
type Fault struct {
	Location string `json:"location,omitempty"` // "query.limit", "body.reason"
	Message  string `json:"message"`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus makes a Problem an answer of its own.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problem documents, whatever was asked for.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func problem(status int, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

// answer turns an error into the problem document for it. What is not foreseen is logged and answered with a 500
// that gives nothing away.
func (a *api) answer(ctx context.Context, err error) error {
	var p *Problem
	var r *adapters.Rejection
	var faults *FaultsError
	var headed huma.HeadersError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &headed):
		return err
	case errors.As(err, &p):
		return p
	case errors.As(err, &r):
		return problem(r.Status, r.Reason)
	case errors.As(err, &faults):
		p = problem(http.StatusBadRequest, "the settings were refused, nothing was changed")
		p.Faults = faults.Faults
		return p
	case errors.Is(err, ErrNotFound), errors.Is(err, contacts.ErrNotFound):
		return problem(http.StatusNotFound, err.Error())
	case errors.Is(err, ErrConflict), errors.Is(err, eventstore.ErrClosed):
		return problem(http.StatusConflict, err.Error())
	case errors.Is(err, ErrBadInput):
		return problem(http.StatusBadRequest, err.Error())
	}
	a.Logger.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("error", err.Error()))
	if errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) {
		what := unreachable
		switch {
		case errors.Is(err, eventstore.ErrDisk):
			what = unwritable
		case errors.Is(err, eventstore.ErrRights):
			what = refusing
		}
		p = problem(http.StatusServiceUnavailable, what+": try again")
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {retryAfter}})
	}
	return problem(http.StatusInternalServerError, "something went wrong here; the log says what")
}

// status maps the framework's statuses to ours: a request that does not validate is a bad request.
func status(framework int) int {
	if framework == http.StatusUnprocessableEntity {
		return http.StatusBadRequest
	}
	return framework
}

// quiet is a huma.Transformer: it turns the framework's errors into Problems that echo no value.
func quiet(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := problem(status(m.Status), m.Detail)
	if p.Status >= http.StatusInternalServerError {
		p.Detail = "something went wrong here; the log says what"
		return p, nil
	}
	for _, e := range m.Errors {
		f := Fault{Location: e.Location, Message: e.Message}
		if !strings.HasPrefix(f.Location, "query.") && !strings.HasPrefix(f.Location, "path.") &&
			!strings.HasPrefix(f.Location, "body.") {
			f.Message = "not JSON of the expected shape" // the decoder's own words quote what they could not read
		}
		p.Errors = append(p.Errors, f)
	}
	return p, nil
}

// writeProblem answers outside of huma: unknown paths, panics.
func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
