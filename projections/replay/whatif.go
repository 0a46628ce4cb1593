package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
	"github.com/duolog/duolog/projections/replay/scratch"
)

// ahead is how many inputs are read before one is decided on, so that what is told of a record that a command of ours
// made is known for that before the command's outcome is.
const ahead = 4096

// WhatIf decides on the history in a log as if other settings had been in force, from Config.From on.
func WhatIf(ctx context.Context, c Config, s settings.Settings) (f Forecast, err error) {
	end, err := c.bound(ctx)
	if err != nil {
		return Forecast{}, err
	}
	store, err := scratch.New(c.Scratch)
	if err != nil {
		return Forecast{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	b := newBranch(c, s, store)
	if err := b.read(ctx, end); err != nil {
		return Forecast{}, fmt.Errorf("what if: %w", err)
	}
	if f = b.result(); b.store.Err() != nil {
		return Forecast{}, fmt.Errorf("what if: %w", b.store.Err())
	}
	return f, nil
}

// branch is the history as it would have been. Its state evolves by its own decisions.
type branch struct {
	Config
	settings settings.Settings // of the branch, put in the place of those recorded
	store    *scratch.Store
	view     *planner.View
	queue    queue
	again    again
	ready    []step
	begun    bool
	encoded  []byte // the decision compared last
	reached  int64  // the last input that was decided on
	// recorded are the settings in force in the log, to read what recorded commands wrote.
	recorded settings.Settings
	// envs are what values of the branch's settings, and of those recorded, are read through, with choices told at envAt.
	envs    [2]*settings.Env
	envAt   int64
	changes int // how often they were made anew
	reality
	*account
}

func newBranch(c Config, s settings.Settings, store *scratch.Store) *branch {
	return &branch{
		Config: c, settings: s, store: store, view: newView(c.Log, store), queue: queue{atMost: c.AtHand},
		reality: newReality(store), account: newAccount(c, store),
	}
}

func (b *branch) read(ctx context.Context, end int64) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	b.again = func(after int64, limit int) ([]eventstore.Event, error) { return b.Log.Read(ctx, after, limit) }
	for p := range pages(ctx, b.Log, end) {
		if p.err != nil {
			return p.err
		}
		if err := recall(ctx, b.Log, b.view, p.events); err != nil {
			return err
		}
		for i, e := range p.events {
			if err := b.event(e, p.inputs[i]); err != nil {
				return err
			}
		}
		last := p.events[len(p.events)-1].Position
		if b.Progress != nil {
			b.Progress(last, end)
		}
		if b.enough(last, end) {
			b.Cut, b.Forecast.To = true, b.reached
			return nil
		}
	}
	b.ready = append(b.ready, b.queue.take(math.MaxInt64)...)
	return b.steps(0)
}

// event takes the next event in, and decides on inputs that lie far enough behind.
func (b *branch) event(e eventstore.Event, in planner.Input) error {
	if isDecision(e) {
		b.ready = append(b.ready, b.queue.take(e.Causation)...)
	} else if in.Outcome != nil {
		b.noteMade(*in.Outcome)
	}
	b.queue.add(e, in)
	return b.steps(ahead)
}

// steps decides on what is ready, but for the last so many inputs.
func (b *branch) steps(keep int) error {
	for len(b.ready) > keep {
		s := b.ready[0]
		b.ready[0] = step{} // it is not to be held longer than that
		b.ready = b.ready[1:]
		if s.in.Position > b.Config.To {
			continue
		}
		if err := b.stepOn(s); err != nil {
			return err
		}
	}
	return nil
}

// stepOn is step; where the scratch store failed, that is the reason for whatever else did.
func (b *branch) stepOn(s step) error {
	err := b.step(s)
	b.passed(s.in)
	return cmp.Or(b.store.Err(), err)
}

func (b *branch) step(s step) error {
	b.reached = s.in.Position
	b.view.Rest(b.AtHand)
	if s.in.Position < b.Config.From || s.erased {
		return b.adopt(s)
	}
	b.begin(s.in)
	b.hear(s.in)
	in, ok := b.inBranch(s.in)
	b.Inputs++
	if ok && len(s.recorded.far) > 0 {
		return b.pieces(&s, in)
	}
	var planned []planner.Planned
	if ok {
		planned = b.decide(in)
	}
	return b.weigh(s.in, &s.recorded, planned)
}

// weigh takes what is left of what was recorded on an input, or on a piece of it, and what would have been decided.
func (b *branch) weigh(in planner.Input, r *recorded, planned []planner.Planned) error {
	if len(r.far) == 0 && b.identical(r.near, planned) {
		b.both(planned)
		return nil
	}
	was := make([]planner.Decision, 0, len(r.near))
	for e, err := range r.rest(b.again) {
		if err != nil {
			return err
		}
		d, err := state.Gist(e)
		if err != nil {
			return err
		}
		was = append(was, d)
	}
	if err := b.carryOut(in, b.differ(in, was, planned), 0); err != nil {
		return err
	}
	return b.goOn(in, was, planned)
}

// pieces is weigh, piece by piece, for an input on which more was decided than is held.
func (b *branch) pieces(s *step, in planner.Input) (err error) {
	decide(b.view, in, b.AtHand, func(p piece) bool {
		planned, _, failed := p.try(b.view)
		if err = cmp.Or(b.store.Err(), err); err == nil {
			err = b.weighPiece(s, p, planned)
		}
		return failed
	})
	for e, failed := range s.recorded.rest(b.again) {
		if err = cmp.Or(err, failed); err == nil {
			err = b.weigh(s.in, &recorded{near: []eventstore.Event{e}}, nil)
		}
	}
	return err
}

// weighPiece finds what was decided on a piece by what it is called.
func (b *branch) weighPiece(s *step, p piece, planned []planner.Planned) error {
	ids := []ulid.ULID{planner.DirtyDecision(s.in.ID, p.contact)}
	for _, now := range planned {
		if !slices.Contains(ids, now.ID) {
			ids = append(ids, now.ID)
		}
	}
	var was recorded
	for _, id := range ids {
		e, ok, err := s.recorded.take(id, b.again)
		if err != nil {
			return err
		}
		if ok {
			was.near = append(was.near, e)
		}
	}
	slices.SortFunc(was.near, func(x, y eventstore.Event) int { return cmp.Compare(x.Position, y.Position) })
	return b.weigh(s.in, &was, planned)
}

// hear hands on what a system answered in the log.
func (b *branch) hear(in planner.Input) {
	if b.Settled == nil {
		return
	}
	if o := in.Outcome; o != nil && b.counted(o.Contact) {
		b.Settled(*o)
	}
}

// goOn is the person who lets a sync go on that a guard of the branch alone has stopped.
func (b *branch) goOn(in planner.Input, was []planner.Decision, planned []planner.Planned) error {
	trips := func(d planner.Decision) bool { return d.Guard != nil }
	i := slices.IndexFunc(planned, func(p planner.Planned) bool { return trips(p.Decision) })
	if i < 0 || slices.ContainsFunc(was, trips) {
		return nil
	}
	b.Guards++
	for _, kind := range []string{domain.SyncPaused, domain.SyncResumed} {
		data, err := json.Marshal(domain.Act{Guard: planned[i].Decision.Guard})
		if err != nil {
			return err
		}
		act := in
		act.Type, act.Stream, act.Data, act.Fact, act.Outcome = kind, "connection", data, nil, nil
		act.ID = domain.DeriveID(in.ID, "whatif/"+kind, "", 0)
		if err := b.carryOut(in, b.differ(in, nil, b.decide(act)), 0); err != nil {
			return err
		}
	}
	return nil
}

// adopt takes a step as it was recorded.
func (b *branch) adopt(s step) error {
	if !s.erased {
		b.noteSettings(s.in)
		_, _ = state.Fold(b.view, s.in)
	}
	for e, err := range s.recorded.rest(b.again) {
		if err != nil {
			return err
		}
		d, err := state.Decision(e)
		if err != nil {
			return err
		}
		b.view.Apply(d)
		b.merges(d)
	}
	return nil
}

// begin puts the settings in force at the first input of the branch, unless there were none yet.
func (b *branch) begin(in planner.Input) {
	if b.begun {
		return
	}
	b.begun = true
	if now := b.view.Control.Settings; now.Version > 0 && in.Type != domain.SettingsChanged {
		in.Type, in.Position = domain.SettingsChanged, in.Position-1
		in.Data, in.Fact, in.Outcome = b.settingsAct(now.Version, now), nil, nil
		_, _ = state.Fold(b.view, in) // what it could release is no act of the history
	}
}

// settingsAct is the payload by which the branch's settings take the place of others, whose mode stays.
func (b *branch) settingsAct(version int, of settings.Settings) []byte {
	s := b.settings
	s.Version, s.Mode, s.Pilot = version, of.Mode, of.Pilot
	raw, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	data, err := json.Marshal(domain.SettingsAct{Version: version, Settings: raw})
	if err != nil {
		return nil
	}
	return data
}

// decide plans an input as the planner does.
func (b *branch) decide(in planner.Input) (all []planner.Planned) {
	decide(b.view, in, b.AtHand, func(p piece) bool {
		planned, _, failed := p.try(b.view)
		all = append(all, planned...)
		return failed
	})
	return all
}

// identical reports whether an input led to the same decisions to the byte.
func (b *branch) identical(recorded []eventstore.Event, planned []planner.Planned) bool {
	if len(recorded) != len(planned) {
		return false
	}
	for i, p := range planned {
		data, err := p.Decision.AppendJSON(b.encoded[:0])
		b.encoded = data
		if err != nil || recorded[i].ID != p.ID || !bytes.Equal(data, recorded[i].Data) {
			return false
		}
	}
	return true
}

// carryOut assumes that commands which only the branch issued succeed at once, and decides on what they answer.
func (b *branch) carryOut(in planner.Input, commands []planner.Outgoing, depth int) error {
	if depth > 20 {
		return fmt.Errorf("on %d: commands that are assumed to succeed lead to more and more of them", in.Position)
	}
	for _, o := range commands {
		for _, answer := range b.answers(in, o) {
			next := b.differ(in, nil, b.decide(answer))
			if err := b.carryOut(in, next, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteSettings keeps the recorded settings in force.
func (b *branch) noteSettings(in planner.Input) {
	if in.Type != domain.SettingsChanged {
		return
	}
	if s, ok := state.Settings(in); ok {
		b.recorded, b.envs, b.changes = s, [2]*settings.Env{}, b.changes+1
	}
}

// env is what values are read through: those of the branch, or of the log.
func (b *branch) env(recorded bool) settings.Env {
	i, s := 0, b.view.Control.Settings
	if recorded {
		i, s = 1, b.recorded
	}
	if at := b.view.Control.Refit; at != b.envAt {
		b.envs, b.envAt, b.changes = [2]*settings.Env{}, at, b.changes+1
	}
	if b.envs[i] == nil {
		env := b.view.Env(s)
		b.envs[i] = &env
	}
	return *b.envs[i]
}
