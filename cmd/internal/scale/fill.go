package scale

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/sync/errgroup"

	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// Connection is a log of many contacts, and what was made of it.
type Connection struct {
	Store    eventstore.Store
	Log      eventstore.Log
	Contacts int
	Events   int64
	pattern  *pattern
}

// chunk is how many contacts are stored together.
const chunk = 400

// Fill makes a connection of so many contacts in a store. progress, when not nil, is told how many there are.
func Fill(ctx context.Context, store eventstore.Store, name string, contacts int, progress func(done, total int64)) (
	*Connection, error,
) {
	log, err := store.Log(ctx, name)
	if err != nil {
		return nil, err
	}
	if _, err := open(ctx, log, ingest.NewIDs(time.Now)); err != nil {
		return nil, err
	}
	if err := newEngine(store, log).catchUp(ctx); err != nil {
		return nil, err
	}
	p, err := newPattern(ctx, store, log)
	if err != nil {
		return nil, fmt.Errorf("make a pattern: %w", err)
	}
	c := &Connection{Store: store, Log: log, Contacts: contacts, pattern: p}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if err := c.copies(ctx, progress); err != nil {
		return nil, fmt.Errorf("copy a pattern: %w", err)
	}
	for _, table := range cursors {
		if err := moveTo(ctx, store, table, name, c.Events); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// batch is contacts whose events are stored and whose rows are not.
type batch struct {
	first  int        // person
	values [][]string // of each
	people []person
}

// copies appends events ahead of rows: two connections of the database are at work.
func (c *Connection) copies(ctx context.Context, progress func(done, total int64)) error {
	head, err := c.Log.Head(ctx)
	if err != nil {
		return err
	}
	c.Events = head.Position
	digests := planner.NewDigester(c.Log.Vault().Secret("planner digest"))
	batches := make(chan batch, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(batches)
		for first := 0; first < c.Contacts; first += chunk {
			b, err := c.appendChunk(ctx, first, min(chunk, c.Contacts-first), digests)
			if err != nil {
				return err
			}
			select {
			case batches <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	g.Go(func() error {
		for b := range batches {
			if err := c.store(ctx, b); err != nil {
				return err
			}
			progress(int64(b.first+len(b.people)), int64(c.Contacts))
		}
		return nil
	})
	return g.Wait()
}

// appendChunk appends the events of n contacts. Their positions stand in their data, so they are known beforehand:
// nobody else appends.
func (c *Connection) appendChunk(ctx context.Context, first, n int, digests planner.Digester) (batch, error) {
	b := batch{first: first}
	var events []eventstore.NewEvent
	base := c.Events
	for i := range n {
		who := personAt(first + i)
		ids := c.pattern.ids(first + i)
		at := base + int64(i*len(c.pattern.events))
		values := c.pattern.texts(who.tokens(c.Log.Vault(), digests), func(event int) (int64, int64) {
			if event < c.pattern.acts {
				return int64(event) + 1, 0
			}
			return at + int64(event-c.pattern.acts) + 1, 0 // the time is known only afterwards
		}, len(c.pattern.events), ids, c.Log.Connection())
		b.values, b.people = append(b.values, values), append(b.people, who)
		for _, e := range c.pattern.events {
			events = append(events, e.copy(values, ids))
		}
	}
	done, err := c.Log.Append(ctx, events...)
	if err != nil {
		return b, err
	}
	if done[0].Position != base+1 || done[0].Duplicate {
		return b, fmt.Errorf("event %d lies at %d: somebody else appends to %s", base+1, done[0].Position, c.Log.Connection())
	}
	c.Events += int64(len(done))
	recorded := strconv.FormatInt(done[0].RecordedAt, 10)
	for _, values := range b.values {
		for event := range c.pattern.events {
			values[len(values)-1-2*event] = recorded
		}
	}
	return b, nil
}

func (e eventMold) copy(values []string, ids []ulid.ULID) eventstore.NewEvent {
	out := e.like
	out.ID, out.Stream, out.Subject = ids[e.id], e.stream.fill(values), e.subject.fill(values)
	out.Data = []byte(e.data.fill(values))
	out.Causation, _ = strconv.ParseInt(e.causation.fill(values), 10, 64)
	return out
}

// ids are those of the n-th copy: some milliseconds later, and otherwise unlike.
func (p *pattern) ids(n int) []ulid.ULID {
	out := make([]ulid.ULID, len(p.ulids))
	for i, id := range p.ulids {
		_ = id.SetTime(id.Time() + uint64(n)) // fits for ten thousand years
		low := binary.BigEndian.Uint64(id[8:])
		binary.BigEndian.PutUint64(id[8:], low^(uint64(n)+1)*0x9e3779b97f4a7c15)
		out[i] = id
	}
	return out
}

// store writes what planner and projections keep of a batch.
func (c *Connection) store(ctx context.Context, b batch) error {
	vault := c.Log.Vault()
	rows := make([][][]any, len(c.pattern.tables))
	for i, values := range b.values {
		blind := b.people[i].blind(vault)
		for _, r := range c.pattern.rows {
			cells, err := r.copy(ctx, vault, c.pattern.tables[r.table], values, blind)
			if err != nil {
				return err
			}
			rows[r.table] = append(rows[r.table], cells)
		}
	}
	return c.Store.InTx(ctx, func(tx eventstore.Tx) error {
		for i, t := range c.pattern.tables {
			if err := tx.Bulk(ctx, t.insert(), rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r row) copy(ctx context.Context, vault eventstore.Vault, t table, values []string, blind [][]byte) ([]any, error) {
	out := make([]any, len(r.cells))
	for i, c := range r.cells {
		switch {
		case c.blind != none:
			out[i] = blind[c.blind]
		case c.sealed:
			sealed, err := vault.Seal(ctx, r.cells[r.record].mold.fill(values), t.purpose, []byte(c.mold.fill(values)))
			if err != nil {
				return nil, err
			}
			out[i] = sealed
		case c.kind == eventstore.Int:
			n, err := strconv.ParseInt(c.mold.fill(values), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s of %s: %w", t.columns[i].Name, t.name, err)
			}
			out[i] = n
		case c.kind == eventstore.Bytes:
			out[i] = []byte(c.mold.fill(values))
		default:
			out[i] = c.mold.fill(values)
		}
	}
	return out, nil
}
