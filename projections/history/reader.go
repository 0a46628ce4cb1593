package history

import (
	"context"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/catalogs"
	"github.com/duolog/duolog/projections/contacts"
)

// getPage is how many events are read at once.
const getPage = 500

// Reader tells the timelines of one connection's contacts.
type Reader struct {
	db       eventstore.DB
	log      eventstore.Log
	contacts *contacts.Reader
	catalogs *catalogs.Reader
}

// NewReader returns a reader of the log's connection, whose projections lie in db.
func NewReader(db eventstore.DB, log eventstore.Log) *Reader {
	return &Reader{db, log, contacts.NewReader(db, log), catalogs.NewReader(db, log)}
}

// Timeline returns what happened to the contact, oldest first: the changes of all its records, through links, merges
// and former ids, each with what it caused. contacts.ErrNotFound when there is no such contact.
func (r *Reader) Timeline(ctx context.Context, contact ulid.ULID) ([]Entry, error) {
	return r.Until(ctx, contact, contacts.Moment{})
}

// Until is Timeline as it was at the moment.
func (r *Reader) Until(ctx context.Context, contact ulid.ULID, at contacts.Moment) ([]Entry, error) {
	events, err := r.Events(ctx, contact, at)
	if err != nil {
		return nil, err
	}
	entries, err := tell(events)
	if err == nil {
		err = name(ctx, r.catalogs, entries)
	}
	if err != nil {
		return nil, fmt.Errorf("timeline of %s: %w", contact, err)
	}
	return entries, nil
}

// Events returns what a timeline is told from: the events that concern the contact, those of records that were its own
// once included, and the connection's acts since.
func (r *Reader) Events(ctx context.Context, contact ulid.ULID, at contacts.Moment) ([]eventstore.Event, error) {
	events, err := r.events(ctx, contact, at)
	if err != nil {
		return nil, fmt.Errorf("events of %s: %w", contact, err)
	}
	return events, nil
}

func (r *Reader) events(ctx context.Context, contact ulid.ULID, at contacts.Moment) ([]eventstore.Event, error) {
	owners, err := r.contacts.Streams(ctx, contact)
	if err != nil {
		return nil, err
	}
	positions, err := r.positions(ctx, owners)
	if err != nil {
		return nil, err
	}
	events, err := r.get(ctx, positions, at)
	if err != nil {
		return nil, err
	}
	more, err := r.left(ctx, events, owners)
	if err != nil || len(more) == 0 {
		return events, err
	}
	positions = append(positions, more...)
	slices.Sort(positions)
	return r.get(ctx, slices.Compact(positions), at)
}

// get reads the events at the sorted positions, up to the moment.
func (r *Reader) get(ctx context.Context, positions []int64, at contacts.Moment) ([]eventstore.Event, error) {
	var events []eventstore.Event
	for chunk := range slices.Chunk(positions, getPage) {
		some, err := r.log.Get(ctx, chunk...)
		if err != nil {
			return nil, err
		}
		for i, e := range some {
			if !at.Covers(e) {
				return append(events, some[:i]...), nil
			}
		}
		events = append(events, some...)
	}
	return events, nil
}

// positions lists the events that concern the owners, sorted, with the connection's acts since their first.
func (r *Reader) positions(ctx context.Context, owners []string) ([]int64, error) {
	var all []int64
	err := r.db.ReadTx(ctx, func(q eventstore.Querier) error {
		all = nil
		version, err := projections.Live(ctx, q, r.log.Connection(), Name)
		if err != nil {
			return err
		}
		own, err := r.owned(ctx, q, version, owners)
		if err != nil || len(own) == 0 {
			return err
		}
		acts, err := r.acts(ctx, q, version, slices.Min(own))
		if err != nil {
			return err
		}
		own = append(own, acts...)
		slices.Sort(own)
		all = slices.Compact(own)
		return nil
	})
	return all, err
}

// acts returns the connection's acts from the position on, and the settings in force there.
func (r *Reader) acts(ctx context.Context, q eventstore.Querier, version, from int64) ([]int64, error) {
	rows, err := q.Query(ctx, `SELECT position FROM history_entry
		WHERE connection = $1 AND version = $2 AND owner = $3 AND (position > $4 OR position = (
			SELECT MAX(position) FROM history_entry
			WHERE connection = $5 AND version = $6 AND owner = $7 AND position < $8 AND type = $9))`,
		r.log.Connection(), version, ownerConnection, from,
		r.log.Connection(), version, ownerConnection, from, domain.SettingsChanged)
	return eventstore.Scan(rows, err, scanPosition)
}

func (r *Reader) owned(ctx context.Context, q eventstore.Querier, version int64, owners []string) ([]int64, error) {
	rows, err := q.QueryKeys(ctx, `SELECT position FROM history_entry
		WHERE connection = $1 AND version = $2 AND owner IN ($keys)`, owners, r.log.Connection(), version)
	return eventstore.Scan(rows, err, scanPosition)
}

func scanPosition(row eventstore.Rows) (int64, error) {
	var p int64
	err := row.Scan(&p)
	return p, err
}
