package projections

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/internal/inputs"
)

// Projection is a named fold of events into tables. Its rows must come out the same however the events are cut into
// pages, and, event by event of one key in order, whenever a parked event is applied late.
type Projection interface {
	Name() string
	// Fold is the number of the code that folds. Raise it when the same events must give other rows: a runner that
	// finds rows of another fold rebuilds them.
	Fold() int
	// Tables lists what its folders write, so that an old version can be removed.
	Tables() []Table
	// Decode reads what folding the event takes; an error parks it. It is called for many events at once, ahead of
	// the fold, and leaves the event as it is for others to decode.
	Decode(e *Event) (any, error)
	// Open returns a folder of a version's rows that holds none of them yet.
	Open(v Version) Folder
}

// Version is one filling of a projection's tables for a connection; Number is the second key column of each.
type Version struct {
	Connection string
	Number     int64
	Vault      eventstore.Vault
	// Empty: the tables have no row of it, and get none but from this folder.
	Empty bool
	// Memory is how many bytes of rows the folder should hold before it wants to write; 0: none longer than a page.
	Memory int
}

// Input is an event to fold with what Decode made of it. An erased event has no data.
type Input struct {
	*eventstore.Event
	Decoded any
}

// Event is an event while it is decoded, by one projection after the other: what one of them reads of a decision is there
// for the next, and is to be left as it is.
type Event struct {
	*eventstore.Event
	effects *inputs.Effects
	fields  bool // the effects on fields are there, too
}

// take brings the event to today's schema, once for all who decode it.
func (e *Event) take(of *eventstore.Event) (err error) {
	if e.Event != nil {
		return nil
	}
	if !of.Erased {
		if of.Data, of.Schema, err = domain.Upcast(of.Type, of.Schema, of.Data); err != nil {
			return err
		}
	}
	e.Event = of
	return nil
}

// Effects reads the effects of a decision; those on fields are there for sure only if asked for.
func (e *Event) Effects(fields bool) (*inputs.Effects, error) {
	if e.effects != nil && (e.fields || !fields) {
		return e.effects, nil
	}
	d, ok := inputs.EffectsOf(e.Data, fields)
	if !ok {
		d, fields = &inputs.Effects{}, true
		if err := json.Unmarshal(e.Data, d); err != nil {
			return nil, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
		}
	}
	e.effects, e.fields = d, fields
	return d, nil
}

// Folder folds events into rows that it keeps in memory until they are written. It may keep them longer, for nobody
// else writes its version meanwhile. After an error it is thrown away.
type Folder interface {
	// Fold takes in a page, in position order. What it touches and does not hold it reads through q.
	Fold(ctx context.Context, q eventstore.Querier, page []Input) error
	// Waiting is how many rows wait to be written, about; full: they are to be, or others forgotten, for want of memory.
	Waiting() (rows int, full bool)
	// Write writes them. It is called again when its transaction is, and Written after the commit.
	Write(ctx context.Context, q eventstore.Querier) error
	Written()
}

// Table is a projection's table. Its key, the first Key columns, begins with connection and version, and old rows are
// removed in chunks by the column after them: a text or bytes there is never empty, a number never negative.
type Table struct {
	Name    string
	Columns []eventstore.Column
	Key     int
	// Sealed describes the column whose values are sealed, nil when the table has none.
	Sealed *Sealed
}

// Sealed is a column of sealed values: each time they are sealed they are other bytes, so rows are compared opened.
type Sealed struct {
	Column  string
	Subject string // the column that says whose key
	Purpose string
	// Parts names what a value holds; an error is taken for a value like no other.
	Parts func(plain []byte) (map[string]string, error)
}

// Op is a set-wise write to the table.
func (t Table) Op(mode eventstore.BulkMode) eventstore.BulkOp {
	return eventstore.BulkOp{Mode: mode, Table: t.Name, Columns: t.Columns, Key: t.Key}
}

// Int, Text and Bytes make columns.
func Int(name string) eventstore.Column { return eventstore.Column{Name: name, Kind: eventstore.Int} }

// Text makes a column of texts.
func Text(name string) eventstore.Column { return eventstore.Column{Name: name, Kind: eventstore.Text} }

// Bytes makes a column of bytes.
func Bytes(name string) eventstore.Column {
	return eventstore.Column{Name: name, Kind: eventstore.Bytes}
}

// Keyed is a projection whose order is kept per something other than the event's stream.
type Keyed interface {
	Key(event eventstore.Event) string
}

// Fault is an error whose text is a constant of the program, so it may be stored: it holds no personal value.
type Fault string

// Error returns the text.
func (f Fault) Error() string { return string(f) }

func keyOf(p Projection, e eventstore.Event) string {
	if k, ok := p.(Keyed); ok {
		return k.Key(e)
	}
	return e.Stream
}
