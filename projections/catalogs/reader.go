package catalogs

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Reader answers questions about one connection's catalogs from the live version.
type Reader struct {
	db  eventstore.DB
	log eventstore.Log
}

// NewReader returns a reader of the log's connection, whose projection lies in db.
func NewReader(db eventstore.DB, log eventstore.Log) *Reader { return &Reader{db, log} }

// Entry is an entry as it stands, or stood when it was there last.
type Entry struct {
	ID string `json:"id"`
	domain.CatalogEntry
	FirstAt   time.Time  `json:"first_at"`
	ChangedAt time.Time  `json:"changed_at"`
	GoneAt    *time.Time `json:"gone_at,omitempty"` // the system lists it no longer
	Position  int64      `json:"position"`          // of its last fact
	Erased    bool       `json:"erased,omitempty"`
}

// DealOf is a deal with one record it is about.
type DealOf struct {
	Record string // stream; the deal's own when it is about nobody
	Entry
}

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

// Entries returns all of a catalog, those that are gone too, in the system's order.
func (r *Reader) Entries(ctx context.Context, s Source) ([]Entry, error) {
	return r.entries(ctx, s.String())
}

// Seen returns what webhooks of Aloware showed of a catalog it cannot list.
func (r *Reader) Seen(ctx context.Context, c domain.Catalog) ([]Entry, error) {
	return r.entries(ctx, Source{domain.Aloware, c}.String()+seenSuffix)
}

func (r *Reader) entries(ctx context.Context, catalog string) ([]Entry, error) {
	found, err := r.find(ctx, `SELECT `+entryColumns+` FROM catalog_entry
		WHERE connection = $1 AND version = $2 AND catalog = $3`, catalog)
	if err != nil {
		return nil, fmt.Errorf("read catalog %s: %w", catalog, err)
	}
	slices.SortStableFunc(found, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Label, b.Label), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}

// ByID returns the entry with the id, none when there never was one.
func (r *Reader) ByID(ctx context.Context, s Source, id string) ([]Entry, error) {
	return r.find(ctx, `SELECT `+entryColumns+` FROM catalog_entry
		WHERE connection = $1 AND version = $2 AND catalog = $3 AND id = $4`, s.String(), id)
}

// ByMatch returns the entries with the email, or those without one that have the label, in any case.
func (r *Reader) ByMatch(ctx context.Context, s Source, text string) ([]Entry, error) {
	match := matchKey(r.log.Vault(), text)
	if len(match) == 0 {
		return nil, nil
	}
	return r.find(ctx, `SELECT `+entryColumns+` FROM catalog_entry
		WHERE connection = $1 AND version = $2 AND catalog = $3 AND match_key = $4`, s.String(), match)
}

// find reads entries and opens them after the snapshot is closed.
func (r *Reader) find(ctx context.Context, query string, args ...any) ([]Entry, error) {
	var found []*row
	err := r.read(ctx, func(t rows) error {
		got, err := t.q.Query(ctx, query, append([]any{t.connection, t.version}, args...)...)
		found, err = eventstore.Scan(got, err, scanEntry)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r.open(ctx, purposeEntry, found)
}

// Deals returns the deals of records, given by their streams, gone ones too.
func (r *Reader) Deals(ctx context.Context, records ...string) ([]DealOf, error) {
	return r.deals(ctx, `SELECT `+dealColumns+` FROM catalog_deal
		WHERE connection = $1 AND version = $2 AND record IN ($keys)`, records)
}

// DealsByID returns deals with each record they are about, gone ones too.
func (r *Reader) DealsByID(ctx context.Context, ids ...string) ([]DealOf, error) {
	return r.deals(ctx, `SELECT `+dealColumns+` FROM catalog_deal
		WHERE connection = $1 AND version = $2 AND deal IN ($keys)`, ids)
}

func (r *Reader) deals(ctx context.Context, query string, keys []string) ([]DealOf, error) {
	var found []*row
	err := r.read(ctx, func(t rows) error {
		got, err := t.q.QueryKeys(ctx, query, keys, t.connection, t.version)
		found, err = eventstore.Scan(got, err, scanDeal)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read deals: %w", err)
	}
	return r.openDeals(ctx, found)
}

func (r *Reader) openDeals(ctx context.Context, found []*row) ([]DealOf, error) {
	opened, err := r.open(ctx, purposeDeal, found)
	out := make([]DealOf, len(opened))
	for i, e := range opened {
		out[i] = DealOf{found[i].in, e}
	}
	return out, err
}

// DealIDs returns up to limit ids of deals after one, in order.
func (r *Reader) DealIDs(ctx context.Context, after string, limit int) ([]string, error) {
	var ids []string
	err := r.read(ctx, func(t rows) error {
		got, err := t.q.Query(ctx, `SELECT DISTINCT deal FROM catalog_deal
			WHERE connection = $1 AND version = $2 AND deal > $3 ORDER BY deal LIMIT $4`,
			t.connection, t.version, after, int64(limit))
		ids, err = eventstore.Scan(got, err, func(row eventstore.Rows) (string, error) {
			var id string
			err := row.Scan(&id)
			return id, err
		})
		return err
	})
	return ids, err
}

// CountDeals counts the deals that are there, and those that were.
func (r *Reader) CountDeals(ctx context.Context) (live, gone int, err error) {
	err = r.read(ctx, func(t rows) error {
		got, err := t.q.Query(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN gone = 0 THEN 1 ELSE 0 END), 0)
			FROM (SELECT deal, MIN(gone_at) AS gone FROM catalog_deal WHERE connection = $1 AND version = $2 GROUP BY deal) d`,
			t.connection, t.version)
		_, err = eventstore.Scan(got, err, func(row eventstore.Rows) (int64, error) {
			var all, there int64
			err := row.Scan(&all, &there)
			live, gone = int(there), int(all-there)
			return all, err
		})
		return err
	})
	if err != nil {
		err = fmt.Errorf("count deals: %w", err)
	}
	return live, gone, err
}

// open reads the sealed bodies, in order.
func (r *Reader) open(ctx context.Context, purpose string, found []*row) ([]Entry, error) {
	v, subjects := r.log.Vault(), map[string]bool{}
	for _, f := range found {
		subjects[f.subject] = true
	}
	if len(subjects) > 0 {
		if err := v.Prefetch(ctx, sorted(subjects)...); err != nil && !errors.Is(err, eventstore.ErrErased) {
			return nil, fmt.Errorf("load keys: %w", err)
		}
	}
	out := make([]Entry, len(found))
	for i, f := range found {
		out[i] = Entry{ID: f.id, FirstAt: micros(f.first), ChangedAt: micros(f.changed), Position: f.position}
		if f.gone != 0 {
			gone := micros(f.gone)
			out[i].GoneAt = &gone
		}
		if bytes.Equal(f.body, erasedMark) {
			out[i].Erased = true
			continue
		}
		plain, err := v.Open(ctx, f.subject, purpose, f.body)
		if errors.Is(err, eventstore.ErrErased) {
			out[i].Erased = true
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open a catalog entry: %w", err)
		}
		if err := json.Unmarshal(plain, &out[i].CatalogEntry); err != nil {
			return nil, fmt.Errorf("read a catalog entry: %w", err)
		}
	}
	return out, nil
}

func micros(at int64) time.Time { return time.UnixMicro(at).UTC() }

// Run is the last run of a pull.
type Run struct {
	Operation string           `json:"operation"` // ULID of the one started last
	Actor     string           `json:"actor"`
	StartedAt time.Time        `json:"started_at"`
	EndedAt   time.Time        `json:"ended_at,omitzero"`
	DoneAt    time.Time        `json:"done_at,omitzero"`  // of the last that ended well
	Failure   string           `json:"failure,omitempty"` // of the last that ended; empty: it went well
	Counts    map[string]int64 `json:"counts,omitempty"`
}

// Runs returns the last run of each pull, by name; a pull that never ran has none.
func (r *Reader) Runs(ctx context.Context) (map[string]Run, error) {
	var found []*pull
	err := r.read(ctx, func(t rows) error {
		got, err := t.q.Query(ctx, `SELECT `+pullColumns+` FROM catalog_pull
			WHERE connection = $1 AND version = $2`, t.connection, t.version)
		found, err = eventstore.Scan(got, err, scanPull)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read runs of pulls: %w", err)
	}
	out := map[string]Run{}
	for _, p := range found {
		run := Run{Operation: p.operation, Actor: p.actor, Failure: p.failure}
		run.StartedAt, run.EndedAt, run.DoneAt = since(p.started), since(p.ended), since(p.done)
		if err := json.Unmarshal([]byte(p.body), &run.Counts); err != nil {
			return nil, fmt.Errorf("read counts of pull %s: %w", p.name, err)
		}
		out[p.name] = run
	}
	return out, nil
}

// since is the time, zero for one that never was.
func since(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return micros(at)
}
