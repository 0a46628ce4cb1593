package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// maxHistories is the number of records HubSpot tells the histories of in one batch request.
const maxHistories = 50

// version is one value in a property's history, which begins with the newest.
type version struct {
	SourceType string `json:"sourceType"`
	SourceID   string `json:"sourceId"`
}

// guard takes out of the updates what would go over something else than they were decided on, and returns those that
// are to be sent. HubSpot knows no condition of a write: what somebody changes between this look and the write, some
// tens of milliseconds, is gone over all the same.
func (c *Client) guard(ctx context.Context, rows []*row) []*row {
	guarded := slices.DeleteFunc(slices.Clone(rows), func(r *row) bool { return len(r.expects) == 0 })
	for part := range slices.Chunk(guarded, maxHistories) {
		c.look(ctx, part)
	}
	return slices.DeleteFunc(rows, func(r *row) bool { return r.answer.Err != nil })
}

func (c *Client) look(ctx context.Context, rows []*row) {
	ids, names := make([]string, len(rows)), map[string]bool{}
	for i, r := range rows {
		ids[i] = r.id
		for _, e := range r.expects {
			names[e.Property] = true
		}
	}
	histories := slices.Sorted(maps.Keys(names))
	a, begun, err := c.batchRead(ctx, "id", ids, withIdentifying(histories), histories...)
	if err != nil {
		failAll(rows, unseen(err))
		return
	}
	for _, r := range rows {
		if o := a.result(r); o != nil { // one that is not there is refused by the write
			r.compare(*o, begun, *c.app.Load())
		}
	}
}

// compare refuses what somebody else changed; what our app wrote, an earlier try or one that came late, is in nobody's way.
func (r *row) compare(o object, begun time.Time, app string) {
	changed, shows := map[string]string{}, domain.Properties{}
	for name, e := range r.expects {
		expected, _ := wire(e.Value)
		now, last := o.text(e.Property), o.Histories[e.Property]
		untold := now == "" && len(last) == 0 // never set, or there is no such property
		ours := len(last) > 0 && isOurs(app, last[0].SourceType, last[0].SourceID)
		tried := slices.ContainsFunc(r.tried[name], func(v json.RawMessage) bool { sent, _ := wire(v); return sent == now })
		if now != expected && now != r.props[name] && !untold && !ours && !tried {
			changed[name], shows[e.Property] = domain.ReasonChanged, quoted(now)
		}
	}
	if !r.refuse(changed) {
		return
	}
	// A microsecond behind the last change: what was saved with it is told with the same time, and our write went over it.
	r.kept = adapters.WriteAnswer{Record: record(o.ID), Shows: shows, Clock: orElse(o.updated(), begun.UnixMicro()) + 1}
	if len(r.props) == 0 {
		r.fail(r.invalid())
	}
}

// unseen is why a look failed: nothing was sent, and of the write it says nothing, so it is tried again.
func unseen(err error) error {
	var told *adapters.Error
	if !errors.As(err, &told) || told.Class != adapters.Rejected {
		return unsent(err)
	}
	e := *told
	e.Class, e.Reason, e.Unsent = adapters.Retry, "", true
	return &e
}

func quoted(s string) json.RawMessage {
	b, _ := json.Marshal(s) // a string
	return b
}
