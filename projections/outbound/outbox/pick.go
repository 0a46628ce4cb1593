package outbox

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// cursor is a place in the order rows become due in.
type cursor struct {
	Next    int64
	Input   int64
	Command string
	lane    string
}

var start = cursor{Next: math.MinInt64}

// due lists rows that may be tried, from after the cursor on.
func (c Claim) due(ctx context.Context, q eventstore.Querier, after cursor, limit int) ([]cursor, error) {
	urgentOnly, reads, by := int64(0), int64(0), c.Now.UnixMicro()
	if c.First {
		by = firstInLine
	}
	if c.UrgentOnly {
		urgentOnly = 1
	}
	if c.ReadsOnly {
		reads = 1
	}
	rows, err := q.Query(ctx, `SELECT next_at, input, command, lane FROM outbox
		WHERE connection = $1 AND system = $2 AND next_at <= $3 AND urgent >= $4
			AND (next_at, input, command) > ($5, $6, $7) AND ($9 = 0 OR kind IN ('read', 'lookup'))
			AND (input >= $10 OR kind IN ('read', 'lookup') OR state <> 'waiting' OR urgent = 1
				OR `+inDoubt+`)
			AND (urgent = 0 OR deadline <= $11)
		ORDER BY next_at, input, command LIMIT $8`,
		c.Connection, string(c.System), by, urgentOnly, after.Next, after.Input, after.Command, int64(limit), reads, c.Since,
		c.Now.UnixMicro())
	found, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (cursor, error) {
		var at cursor
		return at, r.Scan(&at.Next, &at.Input, &at.Command, &at.lane)
	})
	if err != nil {
		return nil, fmt.Errorf("look for due commands: %w", err)
	}
	return found, nil
}

// picker collects a batch: of writes or of reads, as its first lane is.
type picker struct {
	Claim
	seen  map[string]bool
	batch Batch
	full  bool
	spent []*Entry
}

// pick goes through the due rows in pages that grow, since rows behind a blocked head fill pages without being ready.
func (c Claim) pick(ctx context.Context, tx eventstore.Tx) (*picker, error) {
	p := &picker{Claim: c, seen: map[string]bool{}}
	size := 2*c.Limit + 8
	for at := start; !p.full; size *= 2 {
		page, err := c.due(ctx, tx, at, size)
		if err != nil {
			return nil, err
		}
		held := len(p.batch.Lanes)
		if err := p.lanes(ctx, tx, page); err != nil {
			return nil, err
		}
		if len(page) < size || held > 0 && len(p.batch.Lanes) == held { // the rest may be of the other kind for long
			break
		}
		at = page[len(page)-1]
	}
	return p, nil
}

// lanes loads the whole lanes of the page's rows and adds those that are ready.
func (p *picker) lanes(ctx context.Context, tx eventstore.Tx, page []cursor) error {
	var names []string
	for _, at := range page {
		if !p.seen[at.lane] && !p.Busy(at.lane) {
			names = append(names, at.lane)
		}
		p.seen[at.lane] = true
	}
	if len(names) == 0 {
		return nil
	}
	rows, err := tx.QueryKeys(ctx, "SELECT "+selected+` FROM outbox
		WHERE connection = $1 AND state <> 'dead' AND lane IN ($keys)`, names, p.Connection)
	found, err := eventstore.Scan(rows, err, scan)
	if err != nil {
		return fmt.Errorf("load lanes: %w", err)
	}
	byLane := map[string][]*Entry{}
	for _, e := range found {
		byLane[e.Lane()] = append(byLane[e.Lane()], &e)
	}
	for _, name := range names {
		p.add(p.front(byLane[name]))
	}
	return nil
}

// front returns the rows at the head of a lane that can leave together: writes up to the first read, or the reverse.
// None while an attempt is unresolved, or while the head waits for its next try and nothing urgent is behind it.
func (p *picker) front(lane []*Entry) []*Entry {
	slices.SortFunc(lane, order)
	now := p.Now.UnixMicro()
	if slices.ContainsFunc(lane, func(e *Entry) bool { return e.State == Sending && e.NextAt > now }) {
		return nil
	}
	var ready []*Entry
	due := false
	for _, e := range lane {
		if p.UrgentOnly && !e.Urgent || p.ReadsOnly && !e.Reads() || p.outdated(e) {
			continue
		}
		if e.State == Sending && e.Attempts >= p.Tries {
			p.spent = append(p.spent, e)
			continue
		}
		if len(ready) > 0 && ready[0].Reads() != e.Reads() {
			break
		}
		due = due || e.NextAt <= now && (len(ready) == 0 || e.Urgent)
		ready = append(ready, e)
	}
	if !due {
		return nil
	}
	if ready[0].Reads() && len(ready) > p.Limit {
		return ready[:p.Limit]
	}
	return ready
}

// outdated reports a write that was decided under the mode before, and is to be planned again; never a create in doubt,
// which is not withdrawn and must come to its end.
func (p *picker) outdated(e *Entry) bool {
	return e.Input < p.Since && e.State == Waiting && !e.Reads() && !e.Urgent && !e.InDoubt()
}

func order(a, b *Entry) int {
	return cmp.Or(cmp.Compare(a.Input, b.Input), ulid.ULID.Compare(a.Command, b.Command))
}

// add puts a lane into the batch as long as it fits. What panicked before goes alone, so that its neighbours do not
// share its end; what is urgent goes without what is not, which may be slow, refused, or wait for a limit of ours.
func (p *picker) add(lane []*Entry) {
	if len(lane) == 0 || p.full {
		return
	}
	b, held, size := &p.batch, p.batch.requests(), 1
	if lane[0].Reads() {
		size = len(lane)
	}
	alone := slices.ContainsFunc(lane, func(e *Entry) bool { return e.Class() == ClassPanic })
	switch {
	case held > 0 && (lane[0].Reads() != b.Reads || alone || urgent(lane) != urgent(b.Lanes[0])):
		return // left for a later batch
	case held > 0 && held+size > p.Limit:
		p.full = true
		return
	}
	b.Lanes, b.Reads = append(b.Lanes, lane), lane[0].Reads()
	p.full = alone || held+size >= p.Limit
}

func urgent(lane []*Entry) bool {
	return slices.ContainsFunc(lane, func(e *Entry) bool { return e.Urgent })
}

// requests counts what the batch asks of the system: a lane of writes becomes one.
func (b Batch) requests() int {
	if !b.Reads {
		return len(b.Lanes)
	}
	return len(b.Entries())
}
