package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Status tells how a projection stands. A frozen one has a growing PollAge; one that looks and does not move, with
// events before it, has a growing AdvanceAge.
type Status struct {
	Name       string        `json:"name"`
	Version    int64         `json:"version"`
	Position   int64         `json:"position"`
	Head       int64         `json:"head"`
	Lag        int64         `json:"lag"` // positions
	PollAge    time.Duration `json:"poll_age"`
	AdvanceAge time.Duration `json:"advance_age"`
	Parked     int64         `json:"parked"`
	// Building is how far a rebuild has come, nil when none runs or waits.
	Building *int64 `json:"building,omitempty"`
}

// Status describes every projection of the runner, in the order given to New.
func (r *Runner) Status(ctx context.Context) ([]Status, error) {
	head, err := r.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Status, 0, len(r.projections))
	for _, p := range r.projections {
		st, err := r.status(ctx, p.Name(), head.Position)
		if err != nil {
			return nil, fmt.Errorf("status of %s: %w", p.Name(), err)
		}
		all = append(all, st)
	}
	return all, nil
}

func (r *Runner) status(ctx context.Context, name string, head int64) (Status, error) {
	versions, err := r.versions(ctx, r.db, name)
	if err != nil {
		return Status{}, err
	}
	st := Status{Name: name, Head: head, Lag: head}
	for _, cp := range versions {
		switch cp.state {
		case stateBuilding:
			st.Building = &cp.position
		case stateLive:
			st.Version, st.Position, st.Lag = cp.version, cp.position, max(head-cp.position, 0)
			st.PollAge = r.age(max(cp.polled, r.lastPoll(name)))
			st.AdvanceAge = r.age(cp.updated)
		}
	}
	rows, err := r.db.Query(ctx, `SELECT COUNT(*) FROM parked
		WHERE connection = $1 AND projection = $2 AND version = $3`, r.log.Connection(), name, st.Version)
	counts, err := eventstore.Scan(rows, err, scanInt)
	if err == nil {
		st.Parked = counts[0]
	}
	return st, err
}

func (r *Runner) age(at int64) time.Duration {
	return max(time.Duration(r.now()-at)*time.Microsecond, 0)
}

func (r *Runner) lastPoll(name string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.marks[name]
}

// mark notes that the projection looked at the log, in the table too when the last note is old.
func (r *Runner) mark(ctx context.Context, p Projection) error {
	now := r.now()
	r.mu.Lock()
	r.marks[p.Name()] = now
	due := now-r.noted[p.Name()] >= pollMark.Microseconds()
	if due {
		r.noted[p.Name()] = now
	}
	r.mu.Unlock()
	if !due {
		return nil
	}
	_, err := r.db.Exec(ctx, `UPDATE projection SET polled_at = $1
		WHERE connection = $2 AND name = $3 AND state = $4 AND polled_at < $5`,
		now, r.log.Connection(), p.Name(), stateLive, now-pollMark.Microseconds())
	return err
}
