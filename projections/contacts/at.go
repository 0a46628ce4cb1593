package contacts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections"
)

// streamPage is how many events of a stream are read at once.
const streamPage = 500

// contactStream is where a contact's decisions lie.
func contactStream(id string) string { return "contact/" + id }

// At returns the contact as it stood at the moment: the same fold over the events of its records and its decisions up
// to there, in memory. What else the log holds is not read. ErrNotFound when it did not exist yet.
func (r *Reader) At(ctx context.Context, id ulid.ULID, at Moment) (Contact, error) {
	c, err := r.at(ctx, id, at)
	if err != nil {
		return Contact{}, fmt.Errorf("contact %s as it was: %w", id, err)
	}
	return c, nil
}

func (r *Reader) at(ctx context.Context, id ulid.ULID, at Moment) (Contact, error) {
	g := gathering{reader: r, until: at, seen: map[string]bool{}}
	var policies []policy
	err := r.read(ctx, func(t rows) (err error) {
		policies, err = t.allPolicies(ctx)
		return err
	})
	if err != nil {
		return Contact{}, err
	}
	streams, err := r.Streams(ctx, id)
	if err == nil {
		err = g.contact(ctx, append(streams, contactStream(id.String()), domain.StreamPrivacy))
	}
	if err != nil {
		return Contact{}, err
	}
	f := newFold(r.log.Vault())
	f.policies = policies
	slices.SortFunc(g.inputs, func(a, b *input) int { return cmp.Compare(a.Position, b.Position) })
	for _, in := range g.inputs {
		if err := f.apply(ctx, in); err != nil {
			return Contact{}, err
		}
	}
	c := f.stood(id.String(), streams)
	if c == nil {
		return Contact{}, ErrNotFound
	}
	return f.view(ctx, c)
}

// stood returns the contact that the id meant; before there was that id, the one in which a record of today's contact
// stood, or that today's contact was made of.
func (f *fold) stood(id string, streams []string) *contact {
	ids := []string{id}
	for _, stream := range slices.Backward(streams) { // HubSpot's records first
		if former, ok := strings.CutPrefix(stream, "contact/"); ok {
			ids = append(ids, former)
		} else if r := f.records[stream]; r != nil {
			ids = append(ids, r.contact)
		}
	}
	for _, id := range ids {
		if c := f.contacts[f.final(id)]; c != nil {
			return c
		}
	}
	return nil
}

// gathering collects the events that make a contact what it was.
type gathering struct {
	reader *Reader
	until  Moment
	seen   map[string]bool // streams read
	inputs []*input
}

// contact reads the streams of a contact, and everything they and its present members lead to.
func (g *gathering) contact(ctx context.Context, todo []string) error {
	for len(todo) > 0 {
		next, err := g.streams(ctx, todo)
		if err != nil {
			return err
		}
		more, err := g.present(ctx, next)
		if err != nil {
			return err
		}
		todo = append(next, more...)
	}
	return nil
}

// streams reads those not read before and returns what their events name.
func (g *gathering) streams(ctx context.Context, streams []string) (named []string, err error) {
	for _, stream := range streams {
		if g.seen[stream] {
			continue
		}
		g.seen[stream] = true
		named = append(named, stream)
		inputs, err := g.read(ctx, stream)
		if err != nil {
			return nil, err
		}
		g.inputs = append(g.inputs, inputs...)
		named = append(named, names(inputs)...)
	}
	return named, nil
}

// names lists the streams that decisions tie to theirs.
func names(inputs []*input) []string {
	set := map[string]bool{}
	for _, in := range inputs {
		if in.decision == nil {
			continue
		}
		for _, l := range in.decision.Links {
			set[l.Record.Stream()] = true
			set[contactStream(l.Contact.String())] = true
		}
		for _, a := range in.decision.Aliases {
			set[contactStream(a.From.String())], set[contactStream(a.To.String())] = true, true
		}
	}
	return sortedKeys(set)
}

func (g *gathering) read(ctx context.Context, stream string) ([]*input, error) {
	var inputs []*input
	for after := int64(0); ; {
		events, err := g.reader.log.ReadStream(ctx, stream, after, streamPage)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			if !g.until.Covers(e) {
				return inputs, nil
			}
			in, err := decode(&projections.Event{Event: &e})
			if err != nil {
				return nil, err
			}
			inputs, after = append(inputs, in), e.Position
		}
		if len(events) < streamPage {
			return inputs, nil
		}
	}
}

// present returns the streams that today's rows tie to the given ones: a record may have come from, or gone to, a
// contact that its own decisions do not name.
func (g *gathering) present(ctx context.Context, streams []string) ([]string, error) {
	w := want(nil)
	for _, stream := range streams {
		if id, ok := strings.CutPrefix(stream, "contact/"); ok {
			w.contacts[id] = true
		} else {
			w.records[stream], w.linked[stream] = true, true
		}
	}
	f := newFold(g.reader.log.Vault())
	if err := g.reader.read(ctx, func(t rows) error { return t.load(ctx, f, w) }); err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, c := range f.contacts {
		set[contactStream(c.id)] = true
		for _, m := range c.body.Members {
			set[m.name] = true
		}
	}
	var fresh []string
	for _, stream := range sortedKeys(set) {
		if !g.seen[stream] {
			fresh = append(fresh, stream)
		}
	}
	return fresh, nil
}

// PositionAt returns the last position recorded not later than the time, 0 when there is none.
func (r *Reader) PositionAt(ctx context.Context, at time.Time) (int64, error) {
	head, err := r.log.Head(ctx)
	if err != nil {
		return 0, err
	}
	low, high := int64(0), head.Position // recorded_at never falls along positions
	for low < high {
		mid := low + (high-low+1)/2
		events, err := r.log.Get(ctx, mid)
		if err != nil {
			return 0, err
		}
		if len(events) == 1 && events[0].RecordedAt <= at.UnixMicro() {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low, nil
}
