package outbound

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// orphansPage is how many events are read at a time.
const orphansPage = 1000

// Orphans lists, oldest first, the commands decided after a position that have neither an outcome nor a row in the outbox:
// nothing carries them out, and only a person has them planned again. It reads the log from there on. Commands of people
// who were erased are none: what became of them cannot be read any more.
func Orphans(ctx context.Context, db eventstore.DB, log eventstore.Log, after int64) ([]outbox.Entry, error) {
	o := orphans{log: log, after: after, open: map[ulid.ULID]outbox.Entry{}, byInput: map[int64][]ulid.ULID{}}
	if err := o.read(ctx, true); err != nil {
		return nil, err
	}
	for ids := range slices.Chunk(slices.Collect(maps.Keys(o.open)), orphansPage) {
		rows, err := outbox.Get(ctx, db, log.Connection(), ids...)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			delete(o.open, r.Command)
		}
	}
	// What left the outbox before it was looked at was settled by then, and is in the log by now.
	if err := o.read(ctx, false); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(o.open), func(a, b outbox.Entry) int { return a.Command.Compare(b.Command) }), nil
}

// orphans are the commands without an end among the events read so far.
type orphans struct {
	log     eventstore.Log
	after   int64
	open    map[ulid.ULID]outbox.Entry
	byInput map[int64][]ulid.ULID
}

// read goes on to the end of the log; only at first it takes in what was decided.
func (o *orphans) read(ctx context.Context, decisions bool) error {
	for {
		events, err := o.log.Read(ctx, o.after, orphansPage)
		if err != nil {
			return fmt.Errorf("look for orphaned commands: %w", err)
		}
		for _, e := range events {
			o.after = e.Position
			if err := o.take(e, decisions); err != nil {
				return fmt.Errorf("look for orphaned commands: %s at %d: %w", e.Type, e.Position, err)
			}
		}
		if len(events) < orphansPage {
			return nil
		}
	}
}

func (o *orphans) take(e eventstore.Event, decisions bool) error {
	if e.Erased || e.Type == domain.RecordSuppressed {
		o.unreadable(e.Causation)
		return nil
	}
	switch {
	case e.Type == domain.DecisionMade:
		if decisions {
			return o.decided(e)
		}
	case e.Type == domain.CommandSettled:
		var outcome domain.Outcome
		if err := domain.Decode(e.Type, e.Schema, e.Data, &outcome); err != nil {
			return err
		}
		o.end(outcome.Command)
	case strings.HasPrefix(e.Type, "record.") && bytes.Contains(e.Data, []byte(`"answer"`)):
		var f struct {
			Answer *domain.Answer `json:"answer"`
		}
		if err := domain.Decode(e.Type, e.Schema, e.Data, &f); err != nil {
			return err
		}
		if f.Answer != nil {
			o.end(f.Answer.Command)
		}
	}
	return nil
}

func (o *orphans) decided(e eventstore.Event) error {
	var d planner.Decision
	if err := domain.Decode(e.Type, e.Schema, e.Data, &d); err != nil {
		return err
	}
	for _, c := range d.Commands {
		o.open[c.ID] = outbox.Entry{
			Row: outbox.Row{
				Command: c.ID, Contact: d.Contact, Kind: c.Kind, System: c.System, Record: c.Record, Source: c.Source, Input: d.Input, Urgent: c.Urgent,
			},
			State: outbox.Orphaned, Created: e.RecordedAt,
		}
		o.byInput[d.Input] = append(o.byInput[d.Input], c.ID)
	}
	return nil
}

func (o *orphans) end(command ulid.ULID) {
	c, ok := o.open[command]
	if !ok {
		return
	}
	delete(o.open, command)
	left := slices.DeleteFunc(o.byInput[c.Input], func(id ulid.ULID) bool { return id == command })
	if o.byInput[c.Input] = left; len(left) == 0 {
		delete(o.byInput, c.Input)
	}
}

// unreadable takes an answer that was erased for that of every command of its input.
func (o *orphans) unreadable(input int64) {
	for _, id := range slices.Clone(o.byInput[input]) {
		o.end(id)
	}
}
