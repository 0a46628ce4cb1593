package report

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Options say what is reported.
type Options struct {
	Log eventstore.Log
	// From and Through are the first and last positions of the period.
	From, Through int64
	// Since and Until are the period as it was asked for; zero: from the first event, to the last.
	Since, Until time.Time
	// Zone is where the reader lives.
	Zone *time.Location
	// Values shows the values that lost a conflict. They are personal.
	Values bool
	Proof  Proof
	// Effects are what new settings of the period caused; nil: that was not asked.
	Effects []Effect
	// Standing are the duplicates as they stand today, by kind.
	Standing map[string]int64
	Progress func(done, total int64)
}

// Proof is what shows that the log a report is made of is the log there was.
type Proof struct {
	LogID      string
	Generation int64
	// Sealed is how many events the last head signed within the period speaks for, Signed when that was, and Note the head
	// itself; empty while there is none.
	Sealed int64
	Signed time.Time
	Note   string
	// Verified says what a check of the whole log found; empty: none was made.
	Verified string
}

// Report is what a log says about a period.
type Report struct {
	Connection string         `json:"connection"`
	Title      string         `json:"title"`
	Since      time.Time      `json:"since,omitzero"`
	Until      time.Time      `json:"until,omitzero"`
	From       int64          `json:"from"`
	Through    int64          `json:"through"`
	Sections   []Section      `json:"sections"`
	Zone       *time.Location `json:"-"`
}

// Section is one subject of a report.
type Section struct {
	Key    string   `json:"key"`
	Title  string   `json:"title"`
	Notes  []string `json:"notes,omitempty"`
	Tables []Table  `json:"tables,omitempty"`
}

// Table is rows under columns. A cell is a text, an int64, a Position or a time.
type Table struct {
	Key     string
	Title   string
	Columns []string
	Rows    [][]any
}

// Position is a cell that holds a place in the log.
type Position int64

// MarshalJSON writes each row as an object by the names of the columns.
func (t Table) MarshalJSON() ([]byte, error) {
	rows := make([]map[string]any, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = map[string]any{}
		for n, cell := range row {
			rows[i][t.Columns[n]] = cell
		}
	}
	return json.Marshal(struct {
		Key     string           `json:"key"`
		Title   string           `json:"title"`
		Columns []string         `json:"columns"`
		Rows    []map[string]any `json:"rows"`
	}{t.Key, t.Title, t.Columns, rows})
}

// Monthly is the whole audit of a period.
func Monthly(ctx context.Context, o Options) (Report, error) {
	b, err := o.read(ctx)
	if err != nil {
		return Report{}, err
	}
	conflicts, err := b.conflictsSection(ctx)
	if err != nil {
		return Report{}, err
	}
	return o.report("Audit report", b.summarySection(), b.changesSection(), b.volumeSection(), b.unsentSection(), conflicts,
		b.duplicatesSection(o.Standing), b.consentSection(), b.peopleSection(), b.privacySection(), b.reliabilitySection(),
		b.proofSection()), nil
}

// Duplicates is the part of it about people who stand twice.
func Duplicates(ctx context.Context, o Options) (Report, error) {
	b, err := o.read(ctx)
	if err != nil {
		return Report{}, err
	}
	return o.report("Duplicates", b.duplicatesSection(o.Standing)), nil
}

// Actors lists every act, in a table for each actor.
func Actors(ctx context.Context, o Options) (Report, error) {
	b, err := o.read(ctx)
	if err != nil {
		return Report{}, err
	}
	return o.report("Acts by actor", b.actorsSection()), nil
}

func (o Options) report(title string, sections ...Section) Report {
	return Report{
		Connection: o.Log.Connection(), Title: title, Since: o.Since, Until: o.Until, From: o.From, Through: o.Through,
		Sections: sections, Zone: o.Zone,
	}
}

// pageSize is how many events are read at once.
const pageSize = 1000

// read folds the period's events.
func (o Options) read(ctx context.Context) (*book, error) {
	b := newBook(o)
	if err := b.before(ctx); err != nil {
		return nil, err
	}
	for after := o.From - 1; after < o.Through; {
		events, err := o.Log.Read(ctx, after, int(min(pageSize, o.Through-after)))
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if err := b.upcast(e); err != nil {
				return nil, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
			}
		}
		after = events[len(events)-1].Position
		if o.Progress != nil {
			o.Progress(after-o.From+1, o.Through-o.From+1)
		}
	}
	if err := b.holdsInForce(ctx); err != nil {
		return nil, err
	}
	return b, b.ownAmongMerged(ctx)
}
