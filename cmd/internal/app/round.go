package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound"
)

const (
	// searchLag is how far back a sweep begins before where the last one ended: HubSpot's search shows changes late.
	searchLag = 2 * time.Minute
	// webhookGrace is how long the webhook of a change that was found is waited for.
	webhookGrace = 3 * time.Second
)

// round is one sweep of a system in bounded windows: what it says has changed, where it can be asked that, and a part of
// the records known there, each in its turn.
type round struct {
	*engine
	h        *lease.Handle
	settings settings.Settings
	done     domain.Sweep
	grace    time.Duration // how long a webhook may be under way; 0 where none are sent
	quota    int           // how many known records are looked at
	pace     *rate.Limiter // of look-ups one by one; nil: batches
	ends     time.Time     // what was not looked at by then is in its turn next time
	trusted  bool          // a person took the system at its word that it is next to empty

	known, found int64
	gone         []domain.Record
}

// look reads what is due.
func (r *round) look(ctx context.Context) error {
	if changes, ok := r.systems[r.done.System].(adapters.Changes); ok {
		if err := r.changed(ctx, changes); err != nil {
			return fmt.Errorf("what changed in %s: %w", r.done.System.Title(), err)
		}
	}
	began := time.Now()
	for r.quota > 0 && time.Now().Before(r.ends) {
		more, err := r.turn(ctx)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return r.missing(ctx, began)
}

// changed asks for what changed since the last sweep. The place it ends at is the latest change HubSpot itself told of,
// and never later than the beginning: what changes meanwhile is for the next one.
func (r *round) changed(ctx context.Context, system adapters.Changes) error {
	since := time.UnixMicro(max(r.done.Through-searchLag.Microseconds(), 0))
	newest := r.done.Through
	err := system.Changed(ctx, since, r.settings.ReadProperties(r.done.System), func(page []adapters.Snapshot) error {
		for _, p := range page {
			newest = max(newest, p.Clock)
		}
		return r.observe(ctx, page)
	})
	if err == nil {
		r.done.Through = min(newest, r.done.At)
	}
	return err
}

// turn looks at the next of the known records, and reports whether there are more of them.
func (r *round) turn(ctx context.Context) (more bool, err error) {
	page, last, err := outbound.StandingAfter(ctx, r.Store, r.Log, r.done.System, r.done.After, min(r.quota, batchOf))
	if err != nil {
		return false, err
	}
	r.quota -= batchOf
	if r.done.System == domain.HubSpot { // every pair has a side there
		n, err := outbound.Unexplained(ctx, r.Store, r.Log, page)
		if err != nil {
			return false, err
		}
		r.done.Unexplained += n
	}
	var seen []adapters.Snapshot
	for part := range slices.Chunk(page, r.together()) {
		got, err := r.ask(ctx, part)
		if err != nil {
			return false, err
		}
		seen = append(seen, got...)
	}
	if err := r.observe(ctx, seen); err != nil {
		return false, err
	}
	r.done.After = last
	return last != "", nil
}

// together is how many records are asked for at a time.
func (r *round) together() int {
	if r.pace != nil {
		return r.pace.Burst()
	}
	return batchOf
}

// ask reads records by id, or where a system cannot, by the number they are known under.
func (r *round) ask(ctx context.Context, part []outbound.Standing) ([]adapters.Snapshot, error) {
	var reqs []adapters.ReadRequest
	var asked []domain.Record
	byID := r.systems[r.done.System].Capabilities().UpdateByID
	for _, s := range part {
		req := adapters.ReadRequest{By: "id", Value: s.Record.ID, Properties: r.settings.ReadProperties(r.done.System)}
		if !byID {
			req.By, req.Value = "phone", s.Phone
		}
		if req.Value != "" {
			reqs, asked = append(reqs, req), append(asked, s.Record)
		}
	}
	if r.pace != nil {
		if err := r.pace.WaitN(ctx, len(reqs)); err != nil {
			return nil, err
		}
	}
	var out []adapters.Snapshot
	for i, a := range r.systems[r.done.System].Read(ctx, reqs) {
		out = append(out, r.answer(asked[i], byID, a)...)
	}
	return out, ctx.Err()
}

// answer counts an answer, and takes note of a record that is not there any more.
func (r *round) answer(asked domain.Record, byID bool, a adapters.ReadAnswer) []adapters.Snapshot {
	if a.Err != nil {
		r.done.Failed++
		return nil
	}
	r.known++
	there := false
	for i, s := range a.Records {
		if byID && s.Record != asked && !slices.Contains(s.Aliases, asked) {
			a.Records[i].Aliases = append(s.Aliases, asked)
		}
		there = there || (s.Record == asked || byID) && !s.Deleted
	}
	switch {
	case there:
		r.found++
	case byID:
		r.gone = append(r.gone, asked)
		return nil
	default:
		r.done.Looked++ // under its number there is nobody, or somebody else
	}
	return a.Records
}

// missing tells which records are gone, unless next to none were found: then the guard is asked first, and a person.
func (r *round) missing(ctx context.Context, began time.Time) error {
	r.done.Looked += int64(len(r.gone))
	if r.settings.Guards.EmptiedSide == settings.EmptiedPause && !r.trusted && planner.LooksEmpty(r.known, r.found) {
		return nil
	}
	var events []eventstore.NewEvent
	for _, id := range r.gone {
		e, err := r.fact(domain.RecordAbsent, id, domain.Fact{Via: domain.ViaSweep, Clock: began.UnixMicro()})
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	return r.store(ctx, events)
}

// observe stores what differs from what was seen, once the webhook that may be on its way had its time. When webhooks
// are found not to come they are not waited for any more.
func (r *round) observe(ctx context.Context, page []adapters.Snapshot) error {
	r.done.Looked += int64(len(page))
	news, err := r.differing(ctx, page)
	if err != nil || len(news) == 0 {
		return err
	}
	if r.grace > 0 {
		sleep(ctx, r.grace)
		if news, err = r.differing(ctx, news); err != nil || len(news) == 0 {
			return err
		}
		r.grace = 0
	}
	events := make([]eventstore.NewEvent, len(news))
	for i, p := range news {
		if events[i], err = r.fact(domain.RecordObserved, p.Record, observation(domain.ViaSweep, p)); err != nil {
			return err
		}
	}
	return r.store(ctx, events)
}

func (r *round) differing(ctx context.Context, page []adapters.Snapshot) ([]adapters.Snapshot, error) {
	observed := make([]outbound.Observed, len(page))
	for i, p := range page {
		observed[i] = outbound.Observed{Record: p.Record, Properties: p.Properties, Lacks: p.Lacks}
	}
	which, err := outbound.Differing(ctx, r.Store, r.Log, observed)
	if err != nil {
		return nil, err
	}
	out := make([]adapters.Snapshot, len(which))
	for k, i := range which {
		out[k] = page[i]
	}
	return out, nil
}

// store appends facts while the connection is owned. When one of them cannot be stored each goes by itself: of what
// belongs to an erased person is stored that it came.
func (r *round) store(ctx context.Context, facts []eventstore.NewEvent) error {
	if len(facts) == 0 {
		return nil
	}
	err := r.fenced(ctx, r.h, facts...)
	if err == nil {
		r.done.Drift += int64(len(facts))
		return nil
	}
	if !errors.Is(err, eventstore.ErrErased) && !errors.Is(err, eventstore.ErrInvalid) {
		return err
	}
	for _, f := range facts {
		err := r.fenced(ctx, r.h, f)
		if errors.Is(err, eventstore.ErrErased) {
			err = r.storeRefused(ctx, &f, func(e eventstore.NewEvent) error { return r.fenced(ctx, r.h, e) })
		}
		switch {
		case err == nil:
			r.done.Drift++
		case !errors.Is(err, eventstore.ErrInvalid):
			return err
		}
	}
	return nil
}

// tell stores how far the sweep went and, where every record was answered for, how many there were.
func (r *round) tell(ctx context.Context) error {
	act := domain.Act{Name: time.UnixMicro(r.done.At).UTC().Format(time.RFC3339), Sweeps: []domain.Sweep{r.done}}
	if r.done.Failed == 0 && r.known > 0 {
		s := string(r.done.System)
		act.Counts = map[string]int64{"known_" + s: r.known, "found_" + s: r.found}
	}
	e, err := r.act(domain.SweepCompleted, streamConnection, act, httpapi.By{Actor: byItself})
	if err != nil {
		return err
	}
	return r.fenced(ctx, r.h, e)
}

func observation(via string, p adapters.Snapshot) domain.Fact {
	return domain.Fact{
		Via: via, Properties: p.Properties, Complete: true, Lacks: p.Lacks, Clock: p.Clock, Clocks: p.Clocks, Merged: p.Aliases,
	}
}

// fact is what a read of a system showed of a record.
func (e *engine) fact(kind string, r domain.Record, f domain.Fact) (eventstore.NewEvent, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return eventstore.NewEvent{}, fmt.Errorf("fact of %s: a value is not JSON", r)
	}
	return eventstore.NewEvent{
		ID: e.NewID(), Stream: r.Stream(), Type: kind, Schema: domain.SchemaOf(kind), OccurredAt: f.Clock,
		Actor: string(r.System), Subject: r.Stream(), Data: data,
	}, nil
}

// fenced appends while the connection is owned, and not a moment longer.
func (e *engine) fenced(ctx context.Context, h *lease.Handle, events ...eventstore.NewEvent) error {
	return e.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := h.Fence(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Append(ctx, e.Log, events...)
		return err
	})
}
