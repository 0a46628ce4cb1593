package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
)

const (
	gateEvery = 24 * time.Hour // the mapping is checked at least as often
	// A refusal that speaks of a property asks for a look at once, but not before so long after the last one. The rest
	// doubles while such looks find nothing new.
	gateRest, gateLongestRest = time.Minute, time.Hour
	// A look that finds nothing new is told in the log at most as often: a process that starts again and again must not
	// fill it.
	gateTold = time.Hour
)

// gatekeeper holds the mapping against both systems' properties: whenever the connection is taken over, under each
// version of the settings, once a day by what the log says, and soon after a system refused a property. Until it has,
// nothing is sent. It is used by one owner of the connection; doubt and checked may be called concurrently.
type gatekeeper struct {
	*engine
	lease   *lease.Handle
	version atomic.Int64 // of the settings that were checked last
	doubted atomic.Bool
	looked  time.Time // when the properties were read last
	rest    time.Duration
}

// checked reports whether the mapping in force was held against both systems.
func (g *gatekeeper) checked(c planner.Control) bool {
	return g.version.Load() == int64(c.Settings.Version)
}

// doubt asks for a look soon.
func (g *gatekeeper) doubt() { g.doubted.Store(true) }

func (g *gatekeeper) due(c planner.Control, now time.Time) bool {
	return !g.checked(c) || g.doubted.Load() && now.Sub(g.looked) >= max(g.rest, gateRest) ||
		now.Sub(lastLook(c)) >= gateEvery
}

// lastLook is when both systems' properties were looked at, as far as the log tells.
func lastLook(c planner.Control) time.Time {
	oldest := c.Schemas[domain.HubSpot].Clock
	for _, s := range domain.Systems {
		oldest = min(oldest, c.Schemas[s].Clock)
	}
	return time.UnixMicro(oldest)
}

// keep looks when it is due, and opens and shuts what the settings name.
func (g *gatekeeper) keep(ctx context.Context, control planner.Control) error {
	now := g.now()
	if !g.due(control, now) {
		return nil
	}
	if !g.checked(control) {
		if last, err := g.settingsInForce(ctx); err != nil || last.Version != control.Settings.Version {
			return err // the planner is on its way to other settings: those are checked
		}
		if err := g.systems[domain.HubSpot].Prepare(ctx); err != nil {
			return fmt.Errorf("prepare HubSpot: %w", err)
		}
	}
	doubted := g.doubted.Swap(false)
	news, err := g.look(ctx, control, now)
	if err != nil {
		g.doubted.CompareAndSwap(false, doubted)
		return err
	}
	switch {
	case news:
		g.rest = gateRest
	case doubted:
		g.rest = min(2*max(g.rest, gateRest), gateLongestRest)
	}
	g.looked = now
	g.version.Store(int64(control.Settings.Version))
	return nil
}

// look reads both systems' properties, and stores what is new. It returns when that counts.
func (g *gatekeeper) look(ctx context.Context, control planner.Control, now time.Time) (news bool, err error) {
	props := map[domain.System][]domain.Property{}
	for _, s := range domain.Systems {
		got, err := g.systems[s].Schema(ctx)
		if err != nil {
			return false, fmt.Errorf("read the properties of %s: %w", s.Title(), err)
		}
		if len(got) == 0 {
			return false, fmt.Errorf("%s lists no properties: may the token read the schema of contacts?", s.Title())
		}
		props[s] = got
	}
	props[domain.Aloware] = withShown(props[domain.Aloware], control.Shown)
	s := control.Settings
	closing, opening := gateActs(control, s.Shut(s.CheckSchema(props[domain.HubSpot], props[domain.Aloware])))
	seen := observed(control, props, now)
	news = len(closing)+len(opening) > 0
	for _, o := range seen {
		news = news || len(o.Properties) > 0
	}
	// What shuts goes before the schema that shut it, what opens behind the one that opened it: a schema has refused
	// values tried again, and they must find the gate as it will be.
	var events []eventstore.NewEvent
	for _, payload := range slices.Concat(anys(closing), anys(seen), anys(opening)) {
		e, err := g.gateEvent(payload)
		if err != nil {
			return false, err
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		return false, nil
	}
	return news, g.store(ctx, events, len(closing)+len(opening) > 0, seen)
}

func anys[T any](all []T) []any {
	out := make([]any, len(all))
	for i, v := range all {
		out[i] = v
	}
	return out
}

// gateEvent makes the event of an act or of a look at a schema.
func (g *gatekeeper) gateEvent(payload any) (eventstore.NewEvent, error) {
	by := duolog
	if o, ok := payload.(domain.Schema); ok {
		by.Actor = string(o.System)
		e, err := g.act(domain.SchemaObserved, domain.StreamSchema+string(o.System), o, by)
		e.OccurredAt = o.Clock
		return e, err
	}
	a, _ := payload.(domain.Act)
	g.Logger.Info("gate changed", slog.String("field", a.Field), slog.Bool("open", a.Open), slog.String("reason", a.Reason))
	return g.act(domain.GateChanged, streamConnection, a, by)
}

// store appends the events, unless another process owns the connection by now, and waits until they are planned: the
// next look compares with what they say.
func (g *gatekeeper) store(ctx context.Context, events []eventstore.NewEvent, changed bool, seen []domain.Schema) error {
	var at int64
	err := g.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := g.lease.Fence(ctx, tx); err != nil {
			return err
		}
		done, err := tx.Append(ctx, g.Log, events...)
		for i, a := range done {
			if events[i].Type == domain.GateChanged {
				at = a.Position
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return g.until(ctx, func(c planner.Control) bool {
		for _, o := range seen {
			if c.Schemas[o.System].Clock < o.Clock {
				return false
			}
		}
		return !changed || c.Gated >= at
	})
}

// gateActs are the acts that make the gate what it must be.
func gateActs(c planner.Control, shut map[string][]domain.Fault) (closing, opening []domain.Act) {
	closed := maps.Clone(c.ShutFields)
	if closed == nil {
		closed = map[string]string{}
	}
	if c.Shut {
		closed[""] = ""
	}
	for _, name := range slices.Sorted(maps.Keys(shut)) {
		if _, is := closed[name]; !is || !slices.Equal(c.Faults[name], shut[name]) {
			closing = append(closing, domain.Act{Field: name, Reason: faultWords(shut[name]), Faults: shut[name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(closed)) {
		if len(shut[name]) > 0 {
			continue
		}
		why := "fits again"
		if _, mapped := c.Settings.Field(name); !mapped && name != "" {
			why = "no longer mapped"
		}
		opening = append(opening, domain.Act{Field: name, Open: true, Reason: why})
	}
	return closing, opening
}

// faultWords says what does not fit, in a line.
func faultWords(faults []domain.Fault) string {
	text := ""
	for i, f := range faults {
		if i > 0 {
			text += "; "
		}
		text += "found " + f.Found + ", wanted " + f.Wanted
	}
	return text
}
