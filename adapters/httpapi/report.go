package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/duolog/duolog/projections/report"
)

// What a report can be about.
const (
	ReportAudit      = ""
	ReportActors     = "actors"
	ReportDuplicates = "duplicates"
)

// ReportQuery says what is reported.
type ReportQuery struct {
	What string
	// Month is a calendar month in the connection's zone, "2026-10"; Since and Until any period. All empty: the whole log.
	Month        string
	Since, Until time.Time
	// Verify checks the whole log first; Values shows the values that lost a conflict.
	Verify, Values bool
	// Impact decides again, under the settings before each change, to tell what came out differently.
	Impact   bool
	Progress func(done, total int64)
}

// Period is the time reported on; zero: without bound.
func (q ReportQuery) Period(zone *time.Location) (since, until time.Time, err error) {
	if q.Month == "" {
		if !q.Since.IsZero() && !q.Until.IsZero() && !q.Until.After(q.Since) {
			return since, until, fmt.Errorf("%w: the period ends before it begins", ErrBadInput)
		}
		return q.Since, q.Until, nil
	}
	if !q.Since.IsZero() || !q.Until.IsZero() {
		return since, until, fmt.Errorf("%w: month and from or to say the same thing twice: send one", ErrBadInput)
	}
	since, err = time.ParseInLocation("2006-01", q.Month, zone)
	if err != nil {
		return since, until, fmt.Errorf("%w: %q is no month: write 2026-10", ErrBadInput, q.Month)
	}
	return since, since.AddDate(0, 1, 0), nil
}

// ReportInput is what every report is asked with.
type ReportInput struct {
	Connection string    `path:"connection" maxLength:"100"`
	Month      string    `query:"month" maxLength:"7" doc:"A calendar month in the connection's zone" example:"2026-10"`
	From       time.Time `query:"from" doc:"Or from a time on (RFC 3339)"`
	To         time.Time `query:"to" doc:"And before another"`
	Format     string    `query:"format" enum:"md,html,csv,json" default:"json"`
}

type auditInput struct {
	ReportInput
	Actors bool `query:"actors" doc:"Every act instead, in a table for each actor"`
	Verify bool `query:"verify" doc:"Check the whole log, too; it takes a while"`
	Impact bool `query:"impact" doc:"Tell which decisions new settings had come out differently; it decides again on what came in, which takes a while"`
}

type duplicatesReportInput struct{ ReportInput }

func (a *api) registerReport() {
	const at = "/v1/connections/{connection}"
	describe := func(id, path, summary string) huma.Operation {
		op := get(id, path, summary, "audit")
		op.Responses = map[string]*huma.Response{"200": {
			Description: "The report", Content: map[string]*huma.MediaType{
				"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}},
				"text/markdown":    {Schema: &huma.Schema{Type: huma.TypeString}},
				"text/html":        {Schema: &huma.Schema{Type: huma.TypeString}},
				"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString}},
			},
		}}
		return op
	}
	audit := describe("report", at+"/report", "What the log says about a period: the monthly audit")
	audit.Description = "Values that lost a conflict are shown to tokens that may read values. That is a look at personal data, and an act."
	register(a, audit, ReadContacts, func(ctx context.Context, in *auditInput) (*huma.StreamResponse, error) {
		q := in.query(ReportAudit)
		if in.Actors {
			q.What = ReportActors
		}
		q.Verify, q.Impact, q.Values = in.Verify, in.Impact, identity(ctx).data() == DataFull
		return a.report(ctx, in.ReportInput, q)
	})
	register(a, describe("report-duplicates", at+"/duplicates/report", "Duplicates prevented, suspected, resolved, merged"),
		ReadContacts, func(ctx context.Context, in *duplicatesReportInput) (*huma.StreamResponse, error) {
			return a.report(ctx, in.ReportInput, in.query(ReportDuplicates))
		})
}

func (in ReportInput) query(what string) ReportQuery {
	return ReportQuery{What: what, Month: in.Month, Since: in.From, Until: in.To}
}

func (a *api) report(ctx context.Context, in ReportInput, q ReportQuery) (*huma.StreamResponse, error) {
	conn, err := a.connection(in.Connection)
	if err == nil && conn.Report == nil {
		err = fmt.Errorf("%w: nothing is reported here", ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	r, err := conn.Report(ctx, q, By{Actor: identity(ctx).Actor()})
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", report.Media(in.Format))
		hc.SetStatus(http.StatusOK)
		_ = r.Write(hc.BodyWriter(), in.Format) // the reader is gone
	}}, nil
}
