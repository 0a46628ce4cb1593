package projections

import (
	"context"
	"time"
)

// What a rebuild does.
const (
	Running = "running"
	Resting = "paused"
	Stopped = "stopped" // nobody fills it: its process was ended or killed
)

// Progress tells how a projection's rebuild stands, whichever process runs it. State is empty when none is under way.
type Progress struct {
	Name     string        `json:"projection"`
	State    string        `json:"state,omitempty" enum:"running,paused,stopped,"`
	Rollback bool          `json:"rollback,omitempty" doc:"An earlier version is caught up, to be live again"`
	Diff     bool          `json:"diff,omitempty" doc:"It is compared with the live version before it takes its place"`
	Live     int64         `json:"live" doc:"The version that is read"`
	Version  int64         `json:"version,omitempty" doc:"The version that is filled"`
	Position int64         `json:"position,omitempty" doc:"Written up to here: where it goes on after a kill"`
	Reached  int64         `json:"reached,omitempty" doc:"Folded up to here"`
	Head     int64         `json:"head" doc:"The end of the log"`
	Rate     float64       `json:"events_per_second,omitempty"`
	Left     time.Duration `json:"left,omitempty" doc:"Nanoseconds it takes still, about"`
	Kept     int64         `json:"kept,omitempty" doc:"The version a rollback brings back"`
}

// Rebuilds tells how the rebuild of each projection of the runner stands, in the order given to New.
func (r *Runner) Rebuilds(ctx context.Context) ([]Progress, error) {
	head, err := r.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	tasks, err := Tasks(ctx, r.db, r.log.Connection())
	if err != nil {
		return nil, err
	}
	all := make([]Progress, 0, len(r.projections))
	for _, p := range r.projections {
		versions, err := r.versions(ctx, r.db, p.Name())
		if err != nil {
			return nil, err
		}
		one := Progress{Name: p.Name(), Head: head.Position}
		for _, cp := range versions {
			one.version(cp)
		}
		for _, s := range tasks {
			if s.Name == one.Name && s.Version == one.Version {
				one.Tell(s, r.now())
			}
		}
		all = append(all, one)
	}
	return all, nil
}

func (p *Progress) version(cp checkpoint) {
	switch cp.state {
	case stateLive:
		p.Live = cp.version
	case stateKept:
		p.Kept = cp.version
	case stateBuilding, stateReturning:
		p.State, p.Version, p.Position, p.Reached = Stopped, cp.version, cp.position, cp.position
		p.Rollback = cp.state == stateReturning
	}
}

// Tell adds what the task says; now is µs.
func (p *Progress) Tell(s TaskState, now int64) {
	p.Diff, p.Reached = s.Diff, max(s.Reached, p.Position)
	switch {
	case s.Paused:
		p.State = Resting
	case now-s.BeatAt < Lost.Microseconds():
		p.State = Running
		p.Rate = rate(p.Reached-s.RunFrom, time.Duration(s.BeatAt-s.RunAt)*time.Microsecond)
	}
	if p.Rate > 0 {
		p.Left = time.Duration(float64(max(p.Head-p.Reached, 0)) / p.Rate * float64(time.Second))
	}
}
