package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// maxTries bounds how often a row is sent again without the properties that were refused.
const maxTries = 3

// row is one write on its way.
type row struct {
	i       int // index of the write
	trace   string
	create  bool
	id      string // the record's, or for a create our unique key
	props   map[string]string
	refused map[string]string
	expects map[string]planner.Expected
	tried   map[string][]json.RawMessage
	kept    adapters.WriteAnswer // what shows of that which is not gone over
	tries   int
	answer  *adapters.WriteAnswer
}

// input is a row as HubSpot takes it.
type input struct {
	ID         string            `json:"id"`
	IDProperty string            `json:"idProperty,omitempty"`
	Properties map[string]string `json:"properties"`
	TraceID    string            `json:"objectWriteTraceId"`
}

// Write creates by an upsert on our unique property, so that a create repeated after a doubt finds itself and makes
// nobody twice, and updates by id. A failure is the row's own, as far as HubSpot tells; properties it refuses are left out and reported.
func (c *Client) Write(ctx context.Context, writes []adapters.Write) []adapters.WriteAnswer {
	out := make([]adapters.WriteAnswer, len(writes))
	var creates, again, updates []*row
	for i, w := range writes {
		r := newRow(i, w, &out[i])
		switch {
		case out[i].Err != nil: // nothing that could be sent
		case w.Create && w.Again:
			again = append(again, r)
		case w.Create:
			creates = append(creates, r)
		default:
			updates = append(updates, r)
		}
	}
	for part := range slices.Chunk(again, maxBatch) {
		creates = append(creates, c.notMade(ctx, part)...)
	}
	for part := range slices.Chunk(creates, maxBatch) {
		c.sendRows(ctx, part)
	}
	for part := range slices.Chunk(updates, maxBatch) {
		if rest := c.guard(ctx, part); len(rest) > 0 {
			c.sendRows(ctx, rest)
		}
	}
	return out
}

func newRow(i int, w adapters.Write, answer *adapters.WriteAnswer) *row {
	r := &row{
		i: i, trace: strconv.Itoa(i), create: w.Create, id: w.Record.ID, props: map[string]string{},
		refused: map[string]string{}, expects: w.Expects, tried: w.Tried, answer: answer,
	}
	if w.Create {
		r.id = w.Contact.String()
	}
	for name, raw := range w.Values {
		if v, ok := wire(raw); ok {
			r.props[name] = v
		} else {
			r.refused[name] = "not a single value"
		}
	}
	if !w.Create && whole(json.Number(r.id)) == 0 {
		r.fail(&adapters.Error{Class: adapters.Rejected, Reason: domain.ReasonGone, Detail: "hubspot has no such record"})
	} else if len(r.props) == 0 {
		r.fail(r.invalid())
	}
	return r
}

// wire writes a scalar as HubSpot takes it: everything is a string, blank clears.
func wire(raw json.RawMessage) (string, bool) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", false
	}
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return string(raw), true
	}
	return "", false
}

// fail tells what shows of that which is not gone over as well.
func (r *row) fail(err error) {
	*r.answer = r.kept
	r.answer.Err = plain(err)
}

func (r *row) invalid() *adapters.Error {
	e := &adapters.Error{
		Class: adapters.Rejected, Reason: domain.ReasonInvalid, Refused: r.refused,
		Status: http.StatusBadRequest, Detail: "hubspot refuses what there is to write",
	}
	if len(r.kept.Shows) > 0 && len(r.props) == 0 {
		e.Reason, e.Status, e.Detail = domain.ReasonChanged, 0, "hubspot: what stood there was changed since the write was decided"
	}
	return e
}

// sendRows sends rows of one kind and settles each.
func (c *Client) sendRows(ctx context.Context, rows []*row) {
	a, begun, err := c.sendBatch(ctx, rows)
	if err != nil {
		c.batchFailed(ctx, rows, err)
		return
	}
	if again := settle(rows, a, begun); len(again) > 0 {
		c.sendRows(ctx, again)
	}
}

func (c *Client) sendBatch(ctx context.Context, rows []*row) (batchAnswer, time.Time, error) {
	path, by := "/batch/update", ""
	if rows[0].create {
		path, by = "/batch/upsert", UniqueProperty
	}
	inputs := make([]input, len(rows))
	for i, r := range rows {
		r.tries++
		inputs[i] = input{ID: r.id, IDProperty: by, Properties: r.props, TraceID: r.trace}
	}
	var a batchAnswer
	begun, err := c.fetch(ctx, c.calls, http.MethodPost, c.paths.contacts(path), map[string]any{"inputs": inputs}, &a)
	return a, begun, err
}

// batchFailed settles rows whose request failed as a whole. One bad row can do that: the rows are sent again without
// what no row may have, or in halves, until it stands alone.
func (c *Client) batchFailed(ctx context.Context, rows []*row, err error) {
	var f *failedCall
	if !errors.As(err, &f) || f.cause.Class != adapters.Rejected || f.wrongPath() {
		failAll(rows, err)
		return
	}
	if rows[0].create && f.problem.aboutOurKey() {
		c.restoreKey(ctx, rows)
		return
	}
	if len(rows) == 1 {
		if rows[0].failed(f.problem, f.cause.Status) {
			c.sendRows(ctx, rows)
		}
		return
	}
	half := len(rows) / 2
	if rest := withoutUnknown(rows, f.problem); len(rest) > 0 {
		c.sendRows(ctx, rest)
		return
	}
	c.sendRows(ctx, rows[:half])
	c.sendRows(ctx, rows[half:])
}

// restoreKey: somebody deleted our unique property in HubSpot. It is made again, and the creates come later.
func (c *Client) restoreKey(ctx context.Context, rows []*row) {
	err := c.Prepare(ctx)
	if err == nil {
		err = &adapters.Error{
			Class: adapters.Retry, Status: http.StatusBadRequest,
			Detail: "hubspot had lost the property " + UniqueProperty + ": it was made again",
		}
	}
	failAll(rows, err)
}

func failAll(rows []*row, err error) {
	for _, r := range rows {
		r.fail(err)
	}
}

// withoutUnknown takes properties that do not exist, or can never be written, out of all rows. It returns the rows to
// send again; none when the failure was about something else.
func withoutUnknown(rows []*row, p problem) []*row {
	gone := map[string]string{}
	for _, f := range p.faults() {
		if f.Error == "PROPERTY_DOESNT_EXIST" || f.Error == "READ_ONLY_VALUE" {
			gone[f.Name] = f.Error
		}
	}
	changed := false
	var rest []*row
	for _, r := range rows {
		changed = r.refuse(gone) || changed
		if len(r.props) == 0 {
			r.fail(r.invalid())
			continue
		}
		rest = append(rest, r)
	}
	if !changed {
		return nil
	}
	return rest
}

// refuse moves properties out of the row; false when it has none of them.
func (r *row) refuse(why map[string]string) bool {
	any := false
	for name, reason := range why {
		if _, ok := r.props[name]; ok {
			delete(r.props, name)
			r.refused[name] = reason
			any = true
		}
	}
	return any
}
