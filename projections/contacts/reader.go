package contacts

import (
	"context"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// ErrNotFound: there is no such contact.
var ErrNotFound = errors.New("no such contact")

// MaxLimit bounds a page of List.
const MaxLimit = 1000

// Reader answers questions about one connection's contacts from the live version.
type Reader struct {
	db  eventstore.DB
	log eventstore.Log
}

// NewReader returns a reader of the log's connection, whose projection lies in db.
func NewReader(db eventstore.DB, log eventstore.Log) *Reader { return &Reader{db, log} }

// read runs fn on a snapshot of the live version.
func (r *Reader) read(ctx context.Context, fn func(t rows) error) error {
	return r.db.ReadTx(ctx, func(q eventstore.Querier) error {
		version, err := projections.Live(ctx, q, r.log.Connection(), Name)
		if err != nil {
			return err
		}
		return fn(rows{q: q, connection: r.log.Connection(), version: version})
	})
}

// Get returns the contact, or the one its id now means; ErrNotFound when there is none.
func (r *Reader) Get(ctx context.Context, id ulid.ULID) (Contact, error) {
	found, err := r.byIDs(ctx, id.String())
	if err != nil {
		return Contact{}, fmt.Errorf("get contact: %w", err)
	}
	if len(found) == 0 {
		return Contact{}, fmt.Errorf("contact %s: %w", id, ErrNotFound)
	}
	return found[0], nil
}

// byIDs returns the contacts the ids now mean, each once.
func (r *Reader) byIDs(ctx context.Context, ids ...string) ([]Contact, error) {
	return r.show(ctx, func(t rows, f *fold) ([]*contact, error) { return t.resolve(ctx, f, ids) })
}

// show loads contacts in one snapshot and opens them after it.
func (r *Reader) show(ctx context.Context, load func(t rows, f *fold) ([]*contact, error)) ([]Contact, error) {
	f := newFold(r.log.Vault())
	var all []*contact
	err := r.read(ctx, func(t rows) (err error) {
		if all, err = load(t, f); err != nil {
			return err
		}
		return t.loadMembers(ctx, f, all)
	})
	if err != nil {
		return nil, err
	}
	return f.views(ctx, all)
}

// resolve loads the contacts that the ids now mean, each once, in id order.
func (t rows) resolve(ctx context.Context, f *fold, ids []string) ([]*contact, error) {
	w := want(nil)
	for _, id := range ids {
		w.contacts[id] = true
	}
	if err := t.load(ctx, f, w); err != nil {
		return nil, err
	}
	final := map[string]*contact{}
	for _, id := range ids {
		if c := f.contacts[f.final(id)]; c != nil {
			final[c.id] = c
		}
	}
	all := make([]*contact, 0, len(final))
	for _, id := range sortedKeys(final) {
		all = append(all, final[id])
	}
	return all, nil
}

// Filter narrows List.
type Filter struct {
	Status string    // one of Statuses; empty: all
	After  ulid.ULID // the last id of the page before
	Limit  int       // 0 and more than MaxLimit take MaxLimit
	Reason string    // text that the reason of the contact or of one of its fields holds; empty: any
}

// List returns contacts in id order.
func (r *Reader) List(ctx context.Context, filter Filter) ([]Contact, error) {
	if filter.Limit <= 0 || filter.Limit > MaxLimit {
		filter.Limit = MaxLimit
	}
	after := ""
	if !filter.After.IsZero() {
		after = filter.After.String()
	}
	if filter.Reason != "" {
		return r.because(ctx, filter, after)
	}
	return r.page(ctx, filter, after)
}

func (r *Reader) page(ctx context.Context, filter Filter, after string) ([]Contact, error) {
	found, err := r.show(ctx, func(t rows, _ *fold) ([]*contact, error) { return t.list(ctx, filter, after) })
	if err != nil {
		return nil, fmt.Errorf("list contacts: %w", err)
	}
	return found, nil
}

// because pages on until enough contacts have the reason.
func (r *Reader) because(ctx context.Context, filter Filter, after string) ([]Contact, error) {
	var kept []Contact
	for {
		page, err := r.page(ctx, Filter{Status: filter.Status, Limit: MaxLimit}, after)
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			if c.because(filter.Reason) {
				kept = append(kept, c)
			}
			if len(kept) == filter.Limit {
				return kept, nil
			}
		}
		if len(page) < MaxLimit {
			return kept, nil
		}
		after = page[len(page)-1].ID.String()
	}
}

func (t rows) list(ctx context.Context, filter Filter, after string) ([]*contact, error) {
	query := `SELECT ` + contactColumns + ` FROM contact WHERE connection = $1 AND version = $2 AND contact > $3`
	if filter.Status == "" {
		found, err := t.q.Query(ctx, query+` AND status <> $4 ORDER BY connection, version, contact LIMIT $5`,
			t.connection, t.version, after, Alias, int64(filter.Limit))
		return eventstore.Scan(found, err, scanContact)
	}
	found, err := t.q.Query(ctx, query+` AND status = $4 ORDER BY connection, version, status, contact LIMIT $5`,
		t.connection, t.version, after, filter.Status, int64(filter.Limit))
	return eventstore.Scan(found, err, scanContact)
}

// Counts returns the number of contacts by status.
func (r *Reader) Counts(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	err := r.read(ctx, func(t rows) error {
		found, err := t.q.Query(ctx, `SELECT status, COUNT(*) FROM contact
			WHERE connection = $1 AND version = $2 AND status <> $3 GROUP BY status`, t.connection, t.version, Alias)
		_, err = eventstore.Scan(found, err, func(row eventstore.Rows) (string, error) {
			var (
				status string
				n      int64
			)
			err := row.Scan(&status, &n)
			counts[status] = n
			return status, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count contacts: %w", err)
	}
	return counts, nil
}

// Checkpoint returns how far the contacts shown have come: the last position they are of.
func (r *Reader) Checkpoint(ctx context.Context) (int64, error) {
	return projections.Position(ctx, r.db, r.log.Connection(), Name)
}
