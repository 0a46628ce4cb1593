package outbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Filter narrows List; zero fields do not.
type Filter struct {
	System  domain.System
	State   string
	Contact ulid.ULID
	Limit   int // default 100
}

// Of narrows commands that were listed otherwise by system and number.
func (f Filter) Of(all []Entry) []Entry {
	all = slices.DeleteFunc(all, func(e Entry) bool { return f.System != "" && e.System != f.System })
	if f.Limit > 0 {
		all = all[:min(len(all), f.Limit)]
	}
	return all
}

// List returns rows in the order they were planned, sealed: oldest first.
func List(ctx context.Context, q eventstore.Querier, connection string, f Filter) ([]Entry, error) {
	contact := ""
	if f.Contact != (ulid.ULID{}) {
		contact = f.Contact.String()
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	rows, err := q.Query(ctx, "SELECT "+selected+` FROM outbox
		WHERE connection = $1 AND ($2 = '' OR system = $2) AND ($3 = '' OR state = $3) AND ($4 = '' OR contact = $4)
		ORDER BY input, command LIMIT $5`, connection, string(f.System), f.State, contact, int64(f.Limit))
	return sorted(rows, err)
}

// Get returns the rows of the commands that are still in the outbox.
func Get(ctx context.Context, q eventstore.Querier, connection string, ids ...ulid.ULID) ([]Entry, error) {
	rows, err := q.QueryKeys(ctx, "SELECT "+selected+" FROM outbox WHERE connection = $1 AND command IN ($keys)",
		texts(ids), connection)
	return sorted(rows, err)
}

// Count is how many rows of a system are in a state, and how long the oldest has been there.
type Count struct {
	System  domain.System
	State   string
	Rows    int64
	Failing int64 // of them, those whose last try failed
	Refused int64 // of these, those whose credential was refused
	Oldest  int64 // created, µs UTC
}

// Counts sums up the outbox by system and state.
func Counts(ctx context.Context, q eventstore.Querier, connection string) ([]Count, error) {
	rows, err := q.Query(ctx, `SELECT system, state, count(*), sum(CASE WHEN error <> '' THEN 1 ELSE 0 END),
			sum(CASE WHEN error LIKE 'unauthorized%' THEN 1 ELSE 0 END), min(created_at)
		FROM outbox WHERE connection = $1 GROUP BY system, state ORDER BY system, state`, connection)
	counts, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (Count, error) {
		var c Count
		var system string
		err := r.Scan(&system, &c.State, &c.Rows, &c.Failing, &c.Refused, &c.Oldest)
		c.System = domain.System(system)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("count the outbox: %w", err)
	}
	return counts, nil
}

func sorted(rows eventstore.Rows, err error) ([]Entry, error) {
	found, err := eventstore.Scan(rows, err, scan)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	slices.SortFunc(found, func(a, b Entry) int { return order(&a, &b) })
	return found, nil
}

// Oldest returns the position of the first input whose commands still wait for a system; false when none do. Dead
// letters do not count.
func Oldest(ctx context.Context, q eventstore.Querier, connection string) (int64, bool, error) {
	rows, err := q.Query(ctx, `SELECT input FROM outbox WHERE connection = $1 AND state <> 'dead'
		ORDER BY input LIMIT 1`, connection)
	found, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (input int64, err error) { return input, r.Scan(&input) })
	if err != nil {
		return 0, false, fmt.Errorf("read the outbox: %w", err)
	}
	if len(found) == 0 {
		return 0, false, nil
	}
	return found[0], true, nil
}
