package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/envelope"
)

// call is one Append: its events are stored together or not at all.
type call struct {
	ctx     context.Context
	events  []eventstore.NewEvent
	rows    []*Row
	at      stamp // of the keys the rows are sealed with
	size    int   // bytes of data
	expects bool

	result []eventstore.Appended
	err    error
	done   chan struct{}
}

// newCall checks and seals; the caller's goroutine does it, so many callers seal at once.
func (l *Log) newCall(ctx context.Context, events []eventstore.NewEvent) (*call, error) {
	c := &call{ctx: ctx, events: slices.Clone(events), done: make(chan struct{})}
	for i := range events {
		if err := envelope.Validate(&events[i]); err != nil {
			return nil, fmt.Errorf("append to %s: event %d of %d: %w", l.connection, i+1, len(events), err)
		}
		c.size += len(events[i].Data)
		c.expects = c.expects || events[i].ExpectLast != nil
	}
	// A caller who gives up may use his buffers again while the batch is still under way.
	room := make([]byte, c.size)
	for i := range c.events {
		n := copy(room, events[i].Data)
		c.events[i].Data, room = room[:n:n], room[n:]
	}
	return c, l.seal(ctx, c)
}

// seal makes the rows under the keys of now.
func (l *Log) seal(ctx context.Context, c *call) error {
	if like := l.unsealed.Load(); like != nil {
		l.plain(c, like)
		return nil
	}
	at := l.vault.stamp()
	if s := l.screen.Load(); s != nil { // before keys are made for what is refused
		if err := (*s)(ctx, at.epoch, c.events); err != nil {
			return fmt.Errorf("append to %s: %w", l.connection, err)
		}
	}
	subjects := make([]string, len(c.events))
	for i := range c.events {
		subjects[i] = c.events[i].Subject
	}
	keys, err := l.vault.keys(ctx, subjects, makeLater)
	if err != nil {
		return fmt.Errorf("append to %s: %w", l.connection, err)
	}
	c.rows, c.at = make([]*Row, len(c.events)), at
	// One allocation each for what a call of a thousand events would make thousands of.
	rows, room := make([]Row, len(c.events)), make([]byte, c.size+len(c.events)*envelope.Overhead)
	for i := range c.events {
		ev := &c.events[i]
		key, err := usable(ev.Subject, keys)
		if err != nil {
			return fmt.Errorf("append to %s: %w", l.connection, err)
		}
		n := len(ev.Data) + envelope.Overhead
		rows[i] = Row{Event: ev, Key: dedupeKey(ev), Sealed: key.SealEvent(room[:0:n], l.connection, ev)}
		c.rows[i], room = &rows[i], room[n:]
	}
	return nil
}

// reseal brings a call up to the vault's state.
func (l *Log) reseal(ctx context.Context, c *call) error {
	if c.at == l.vault.stamp() {
		return nil
	}
	return l.seal(ctx, c)
}

func dedupeKey(ev *eventstore.NewEvent) []byte {
	if len(ev.Key) > 0 {
		return ev.Key
	}
	return ev.ID[:]
}

// stored makes the call's results of rows that were numbered from behind base, and returns where they end.
func (c *call) stored(base, recordedAt int64) int64 {
	c.result = make([]eventstore.Appended, len(c.rows))
	for i, row := range c.rows {
		base++
		c.result[i] = eventstore.Appended{Position: base, ID: row.Event.ID, RecordedAt: recordedAt}
	}
	return base
}

func (c *call) answer(result []eventstore.Appended, err error) {
	c.result, c.err = result, err
	close(c.done)
}

// accept makes what lies under a row's key its result; false when the call fails of it.
func (c *call) accept(i int, s stored) bool {
	c.result[i], c.err = s.answer(c.rows[i])
	return c.err == nil
}

// known answers a call from memory when every key of it was seen lately. Sealed under keys that may have been replaced
// since, an event looks like another: such a call is for those who seal it again.
func (l *Log) known(c *call) (result []eventstore.Appended, err error, ok bool) {
	result = make([]eventstore.Appended, len(c.rows))
	for i, row := range c.rows {
		s, seen := l.recent.get(row.Key)
		if !seen {
			return nil, nil, false
		}
		if result[i], err = s.answer(row); err != nil {
			return nil, err, c.at == l.vault.stamp()
		}
	}
	return result, nil, true
}
