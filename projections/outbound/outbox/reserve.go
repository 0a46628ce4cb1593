package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// Reservation is a batch whose attempt is recorded by the transaction that inserts its rows: it leaves as soon as that is
// committed, without being claimed in another.
type Reservation struct {
	Batch
	Deadline time.Time
	lanes    [][]*Entry // as reserved; Insert leaves in Batch those that nothing stands before
}

// Reserve picks what Take would claim, were it asked right after the rows' insertion and were there no others. Nil when
// that is nothing.
func (c Claim) Reserve(rows []Row) *Reservation {
	p, names, byLane := &picker{Claim: c}, []string(nil), map[string][]*Entry{}
	for _, r := range rows {
		if r.System != c.System {
			continue
		}
		lane := r.Lane()
		if byLane[lane] == nil {
			names = append(names, lane)
		}
		byLane[lane] = append(byLane[lane], &Entry{Row: r, State: Waiting, NextAt: c.Now.UnixMicro()})
	}
	for _, name := range names {
		if !c.Busy(name) {
			p.add(p.front(byLane[name]))
		}
	}
	if len(p.batch.Lanes) == 0 {
		return nil
	}
	r := &Reservation{Batch: p.batch, Deadline: c.Deadline, lanes: p.batch.Lanes}
	r.System, r.Attempt = c.System, c.Attempt()
	for _, e := range r.Entries() {
		e.State, e.Attempts, e.Attempt, e.epoch = Sending, 1, r.Attempt, c.Epoch
		e.Deadline = c.Deadline.UnixMicro()
		e.NextAt = e.Deadline
	}
	return r
}

// Left are the reserved lanes that are not in the batch: those before which something stood, or all of them unless the
// rows were inserted.
func (r *Reservation) Left(inserted bool) Batch {
	b := r.Batch
	b.Lanes = r.lanes
	if !inserted {
		return b
	}
	b.Lanes = nil
	for i, j := 0, 0; i < len(r.lanes); i++ {
		if j < len(r.Lanes) && r.Lanes[j][0] == r.lanes[i][0] {
			j++
			continue
		}
		b.Lanes = append(b.Lanes, r.lanes[i])
	}
	return b
}

// settleIn narrows reservations to lanes without a row, and without one that is not added, and returns the entries that
// leave with them. It locks nothing: only the planner adds rows, and it is asking.
func settleIn(ctx context.Context, tx eventstore.Tx, connection string, reserved []*Reservation, erased []Row,
) (map[ulid.ULID]*Entry, error) {
	var names []string
	for _, r := range reserved {
		for _, lane := range r.lanes {
			names = append(names, lane[0].Lane())
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	rows, err := tx.QueryKeys(ctx, "SELECT lane FROM outbox WHERE connection = $1 AND state <> 'dead' AND lane IN ($keys)",
		names, connection)
	taken, err := set(rows, err)
	if err != nil {
		return nil, fmt.Errorf("look for commands in %d lanes: %w", len(names), err)
	}
	for _, r := range erased {
		taken[r.Lane()] = true
	}
	leaving := map[ulid.ULID]*Entry{}
	for _, r := range reserved {
		r.Lanes = nil
		for _, lane := range r.lanes {
			if taken[lane[0].Lane()] {
				continue
			}
			r.Lanes = append(r.Lanes, lane)
			for _, e := range lane {
				leaving[e.Command] = e
			}
		}
	}
	return leaving, nil
}
