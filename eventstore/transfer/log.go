package transfer

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// log copies what a log holds up to its position in the snapshot.
func (r *run) log(ctx context.Context, l Log) error {
	for _, step := range []func(context.Context, Log) error{r.events, r.keys, r.tree, r.heads, r.subjects} {
		if err := step(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// events go on after the last one that is there.
func (r *run) events(ctx context.Context, l Log) error {
	after, err := one(ctx, r.To, "SELECT COALESCE(MAX(position), 0) FROM event WHERE connection = $1", l.Connection)
	if err != nil {
		return err
	}
	r.add(int(after))
	for after < l.Position {
		through := min(after+int64(r.Page), l.Position)
		rows, err := r.From.Query(ctx, events.selected()+" AND position > $2 AND position <= $3 ORDER BY connection, position",
			l.Connection, after, through)
		found, err := eventstore.Scan(rows, err, events.scan)
		if err != nil {
			return err
		}
		if int64(len(found)) != through-after {
			return fmt.Errorf("events are missing between %d and %d; duolog verify says which", after+1, through)
		}
		if err := r.write(ctx, events, eventstore.Insert, found); err != nil {
			return err
		}
		r.add(len(found))
		after = through
	}
	return nil
}

// keys are the dedupe keys. They come in no order of time, so those that are there are passed over one by one.
func (r *run) keys(ctx context.Context, l Log) error {
	there, err := one(ctx, r.To, "SELECT COUNT(*) FROM append_key WHERE connection = $1", l.Connection)
	if err != nil || there == l.Position {
		r.add(int(there))
		return err
	}
	return r.paged(ctx, appendKeys, eventstore.InsertNew, l.Connection, []byte{}, "position <= $4", l.Position,
		func([]any) error { return nil })
}

// subjects come last: an event's is stored no later than the event. They change, by an erasure or a rotation.
func (r *run) subjects(ctx context.Context, l Log) error {
	return r.paged(ctx, subjectKeys, eventstore.Upsert, l.Connection, "", "$4 = 0", int64(0), func(row []any) error {
		subject, _ := row[1].(string)
		if err := r.rewrap(eventstore.SubjectPurpose(l.Connection, subject), row[2:4]); err != nil {
			return fmt.Errorf("the key of %s: %w", subject, err)
		}
		return nil
	})
}

func (r *run) tree(ctx context.Context, l Log) error {
	return r.paged(ctx, treeHashes, eventstore.InsertNew, l.Connection, int64(-1), "size <= $4", l.Position,
		func([]any) error { return nil })
}

func (r *run) heads(ctx context.Context, l Log) error {
	rows, err := r.From.Query(ctx, treeHeads.selected()+" AND size <= $2", l.Connection, l.Position)
	return r.stream(ctx, treeHeads, eventstore.InsertNew, rows, err)
}

// paged copies a table in the order of its key, of which after is less than all.
func (r *run) paged(ctx context.Context, t table, mode eventstore.BulkMode, connection string, after any, which string, arg int64,
	change func(row []any) error,
) error {
	key := t.columns[1].Name
	query := t.selected() + " AND " + key + " > $2 AND " + which + " ORDER BY connection, " + key + " LIMIT $3"
	for {
		rows, err := r.From.Query(ctx, query, connection, after, int64(r.Page), arg)
		found, err := eventstore.Scan(rows, err, t.scan)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		for _, row := range found {
			after = row[1]
			if err := change(row); err != nil {
				return err
			}
		}
		if err := r.write(ctx, t, mode, found); err != nil {
			return err
		}
		if t.name == appendKeys.name {
			r.add(len(found))
		}
		if len(found) < r.Page {
			return nil
		}
	}
}
