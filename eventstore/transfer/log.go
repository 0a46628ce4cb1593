package transfer

import (
	"context"
	"fmt"
	"slices"

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

// keys are the dedupe keys. They come in no order of time, so those that are there are passed over.
func (r *run) keys(ctx context.Context, l Log) error {
	there, err := one(ctx, r.To, "SELECT COUNT(*) FROM append_key WHERE connection = $1", l.Connection)
	if err != nil || there == l.Position {
		r.add(int(there))
		return err
	}
	w := walk{table: appendKeys, mode: eventstore.Insert, after: []byte{}, which: "position <= $4", arg: l.Position}
	w.change = func(rows [][]any) ([][]any, error) {
		r.add(len(rows))
		if there == 0 {
			return rows, nil
		}
		return r.missing(ctx, l, rows)
	}
	return r.walk(ctx, l, w)
}

// missing leaves the keys that are not there yet.
func (r *run) missing(ctx context.Context, l Log, rows [][]any) ([][]any, error) {
	keys := make([][]byte, len(rows))
	for i, row := range rows {
		keys[i], _ = row[1].([]byte)
	}
	found, err := r.To.QueryKeys(ctx, "SELECT key FROM append_key WHERE connection = $1 AND key IN ($keys)", keys, l.Connection)
	there := map[string]bool{}
	_, err = eventstore.Scan(found, err, func(r eventstore.Rows) (none struct{}, err error) {
		var key []byte
		err = r.Scan(&key)
		there[string(key)] = true
		return none, err
	})
	return slices.DeleteFunc(rows, func(row []any) bool {
		key, _ := row[1].([]byte)
		return there[string(key)]
	}), err
}

// subjects come last: an event's is stored no later than the event. They change, by an erasure or a rotation.
func (r *run) subjects(ctx context.Context, l Log) error {
	w := walk{table: subjectKeys, mode: eventstore.Upsert, after: "", which: "$4 = 0", arg: 0}
	w.change = func(rows [][]any) ([][]any, error) {
		for _, row := range rows {
			subject, _ := row[1].(string)
			if err := r.rewrap(eventstore.SubjectPurpose(l.Connection, subject), row[2:4]); err != nil {
				return nil, fmt.Errorf("the key of %s: %w", subject, err)
			}
		}
		return rows, nil
	}
	return r.walk(ctx, l, w)
}

// tree goes on after the last row that is there.
func (r *run) tree(ctx context.Context, l Log) error {
	last, err := one(ctx, r.To, "SELECT COALESCE(MAX(first), -1) FROM tree_hash WHERE connection = $1", l.Connection)
	if err != nil {
		return err
	}
	return r.walk(ctx, l, walk{
		table: treeHashes, mode: eventstore.Insert, after: last, which: "size <= $4", arg: l.Position,
		change: func(rows [][]any) ([][]any, error) { return rows, nil },
	})
}

// heads are few, one a minute at most.
func (r *run) heads(ctx context.Context, l Log) error {
	const query = "SELECT size, generation, note FROM tree_head WHERE connection = $1 AND size <= $2"
	found, err := told(ctx, r.To, query, l.Connection, l.Position)
	if err != nil {
		return err
	}
	there := make(map[[2]int64]bool, len(found))
	for _, h := range found {
		there[[2]int64{h.first, h.second}] = true
	}
	rows, err := r.From.Query(ctx, treeHeads.selected()+" AND size <= $2", l.Connection, l.Position)
	all, err := eventstore.Scan(rows, err, treeHeads.scan)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(row []any) bool {
		size, _ := row[1].(int64)
		generation, _ := row[2].(int64)
		return there[[2]int64{size, generation}]
	})
	for part := range slices.Chunk(all, r.Page) {
		if err := r.write(ctx, treeHeads, eventstore.Insert, part); err != nil {
			return err
		}
	}
	return nil
}

// walk goes through a table in the order of its key.
type walk struct {
	table
	mode  eventstore.BulkMode
	after any    // less than every key that is wanted
	which string // of the rows, by the argument $4
	arg   int64
	// change gives the rows to be written for those read.
	change func([][]any) ([][]any, error)
}

func (r *run) walk(ctx context.Context, l Log, w walk) error {
	key := w.columns[1].Name
	query := w.selected() + " AND " + key + " > $2 AND " + w.which + " ORDER BY connection, " + key + " LIMIT $3"
	for {
		rows, err := r.From.Query(ctx, query, l.Connection, w.after, int64(r.Page), w.arg)
		found, err := eventstore.Scan(rows, err, w.scan)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		n := len(found)
		if n > 0 {
			w.after = found[n-1][1]
		}
		if found, err = w.change(found); err != nil {
			return err
		}
		if err := r.write(ctx, w.table, w.mode, found); err != nil {
			return err
		}
		if n < r.Page {
			return nil
		}
	}
}
