package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/catalogs"
	"github.com/duolog/duolog/projections/lease"
)

// pulling is a pull under way: it lists catalogs and appends what differs from what is known.
type pulling struct {
	*engine
	h       *lease.Handle
	cause   int64 // position of the act that started it
	trusted bool  // a person asked: an emptied catalog is believed
	counts  map[string]int64
}

// Counts of a pull, by name.
const (
	countListed   = "listed"
	countNew      = "new"
	countChanged  = "changed"
	countGone     = "gone"
	countUnfit    = "unfit"    // cannot be stored
	countWithheld = "withheld" // of an erased person
)

// errEmptied: a catalog that had entries has none. By itself that is more likely a fault than the truth.
var errEmptied = errors.New("it suddenly lists nothing, which is not believed until a person pulls it")

// pull carries out an operation of its kind, unless it ended before; of another kind it is somebody else's. One that
// fails ends as well, with the reason: it is asked for, or due, again.
func (e *engine) pull(ctx context.Context, h *lease.Handle, op planner.Operation) error {
	name, ok := catalogs.Pull(op.Name)
	if !ok {
		return nil
	}
	if end, _, err := e.ending(ctx, op.ID.String(), op.Position); end != nil || err != nil {
		return err
	}
	started, err := e.Log.Get(ctx, op.Position)
	if err != nil {
		return err
	}
	p := &pulling{
		engine: e, h: h, cause: op.Position, counts: map[string]int64{},
		trusted: len(started) == 1 && started[0].Actor != byItself,
	}
	end := domain.Act{Command: op.ID, Name: op.Name, Counts: p.counts}
	for _, s := range catalogs.PullNamed(name).Sources {
		err := p.source(ctx, s)
		switch {
		case err == nil:
		case ctx.Err() != nil, errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, lease.ErrLost):
			return err // it goes on when that is over
		default:
			end.Reason = fmt.Sprintf("%s of %s: %s", s.Catalog, s.System.Title(), err)
		}
	}
	act, err := e.act(domain.OperationFinished, streamConnection, end, httpapi.By{Actor: byItself})
	if err != nil {
		return err
	}
	return p.fenced(ctx, act)
}

// source pulls one catalog.
func (p *pulling) source(ctx context.Context, s catalogs.Source) error {
	system, ok := p.systems[s.System].(adapters.Catalogs)
	if !ok {
		return adapters.ErrUnsupported
	}
	if err := p.Runner.CatchUpOf(ctx, catalogs.Name); err != nil {
		return err
	}
	if s.Catalog == domain.Deals {
		return p.deals(ctx, system)
	}
	known, err := p.Catalogs.Entries(ctx, s)
	if err != nil {
		return err
	}
	listed, clock := map[string]domain.CatalogEntry{}, int64(0)
	if err := system.Catalog(ctx, s.Catalog, func(page adapters.CatalogPage) error {
		for _, item := range page.Items {
			listed[item.ID] = item.Entry
		}
		if clock == 0 {
			clock = page.Clock
		}
		return nil
	}); err != nil {
		return err
	}
	facts, err := p.differing(s, known, listed, clock)
	if err != nil {
		return err
	}
	return p.store(ctx, facts)
}

// differing makes facts of what is new, changed or gone.
func (p *pulling) differing(
	s catalogs.Source, known []catalogs.Entry, listed map[string]domain.CatalogEntry, clock int64,
) ([]eventstore.NewEvent, error) {
	p.counts[countListed] += int64(len(listed))
	d := differ{pulling: p, fact: domain.CatalogFact{System: s.System, Catalog: s.Catalog, Via: domain.ViaPull, Clock: clock}}
	d.stream = func(string) (stream, subject string) { return placeOf(s, d.fact.ID) }
	live, before := 0, map[string]catalogs.Entry{}
	for _, e := range known {
		before[e.ID] = e
		if e.GoneAt == nil {
			live++
		}
	}
	if len(listed) == 0 && live > 0 && !p.trusted {
		return nil, errEmptied
	}
	for _, id := range sortedNames(listed) {
		old, had := before[id]
		d.compare(id, "", listed[id], old, had)
	}
	for _, e := range known {
		if _, there := listed[e.ID]; !there && e.GoneAt == nil {
			d.gone(e.ID, "")
		}
	}
	return d.events, d.err
}

// placeOf is where an entry's facts lie, and whose key seals them.
func placeOf(s catalogs.Source, id string) (stream, subject string) {
	stream, subject = domain.CatalogStream(s.System, s.Catalog), eventstore.SubjectLog
	if s.Catalog == domain.Owners || s.Catalog == domain.Users {
		subject = domain.PersonSubject(s.System, id)
	}
	return stream, subject
}

// differ collects facts about one catalog.
type differ struct {
	*pulling
	fact   domain.CatalogFact // with what all have in common
	stream func(record string) (stream, subject string)
	events []eventstore.NewEvent
	err    error
}

// compare tells an entry that is not as it was known.
func (d *differ) compare(id, record string, now domain.CatalogEntry, old catalogs.Entry, had bool) {
	switch {
	case had && old.GoneAt == nil && reflect.DeepEqual(now, old.CatalogEntry):
		return
	case had && old.GoneAt == nil:
		d.counts[countChanged]++
	default:
		d.counts[countNew]++
	}
	d.fact.ID, d.fact.Gone, d.fact.Entry = id, false, now
	d.tell(record)
}

func (d *differ) gone(id, record string) {
	d.counts[countGone]++
	d.fact.ID, d.fact.Gone, d.fact.Entry = id, true, domain.CatalogEntry{}
	d.tell(record)
}

func (d *differ) tell(record string) {
	data, err := json.Marshal(d.fact)
	if err != nil {
		d.err = fmt.Errorf("fact of %s: %w", d.fact.Catalog, err)
		return
	}
	stream, subject := d.stream(record)
	d.events = append(d.events, eventstore.NewEvent{
		ID: d.NewID(), Stream: stream, Type: domain.CatalogObserved, Schema: domain.SchemaOf(domain.CatalogObserved),
		OccurredAt: d.fact.Clock, Actor: string(d.fact.System), Causation: d.cause, Subject: subject, Data: data,
	})
}

// store appends the facts together. When one of them cannot be stored each goes by itself: what belongs to an erased
// person is left out.
func (p *pulling) store(ctx context.Context, facts []eventstore.NewEvent) error {
	if len(facts) == 0 {
		return nil
	}
	err := p.fenced(ctx, facts...)
	if !errors.Is(err, eventstore.ErrErased) && !errors.Is(err, eventstore.ErrInvalid) {
		return err
	}
	for _, f := range facts {
		err := p.fenced(ctx, f)
		switch {
		case errors.Is(err, eventstore.ErrErased):
			p.counts[countWithheld]++
		case errors.Is(err, eventstore.ErrInvalid):
			p.counts[countUnfit]++
		case err != nil:
			return err
		}
	}
	return nil
}

// fenced appends while the connection is owned, and not a moment longer.
func (p *pulling) fenced(ctx context.Context, events ...eventstore.NewEvent) error {
	return p.engine.fenced(ctx, p.h, events...)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
