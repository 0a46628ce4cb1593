package eventstore

import "context"

// dedupeCheck holds, by position, what the dedupe key there says of its event's id. A key is its event's when it is the
// event's id, or the id was made for it. Of any other only that it is no other event's can be told.
type dedupeCheck struct {
	tails  [][idTail]byte
	strays map[[idTail]byte]int64 // keys that are not their event's, with its position
}

// dedupeKeys reads the keys, in the snapshot of the totals.
func (v *verifier) dedupeKeys(ctx context.Context, q Querier) error {
	v.dedupe = dedupeCheck{tails: make([][idTail]byte, v.report.Head), strays: map[[idTail]byte]int64{}}
	rows, err := q.Query(ctx, "SELECT key, position FROM append_key WHERE connection = $1", v.Connection)
	_, err = Scan(rows, err, func(r Rows) (none struct{}, err error) {
		var key []byte
		var position int64
		if err = r.Scan(&key, &position); err == nil && position > 0 && position <= v.report.Head {
			v.dedupe.tails[position-1] = keyTail(key)
		}
		return none, err
	})
	return err
}

// goesBy notes an event that goes by a key which is not its own.
func (v *verifier) goesBy(ev *storedRow) {
	tail := v.dedupe.tails[ev.position-1]
	if none := [idTail]byte{}; tail == none || tail == keyTail(ev.id) || tail == tailOf(ev.id) {
		return
	}
	v.dedupe.strays[tail] = ev.position
}

func tailOf(id []byte) (tail [idTail]byte) {
	if len(id) >= idTail {
		copy(tail[:], id[len(id)-idTail:])
	}
	return tail
}

// owners finds whose the keys are that are not their event's.
func (v *verifier) owners(ctx context.Context) error {
	if len(v.dedupe.strays) == 0 {
		return nil
	}
	rows, err := v.db.Query(ctx, "SELECT position, id FROM event WHERE connection = $1 AND position <= $2 ORDER BY connection, position",
		v.Connection, v.report.Head)
	_, err = Scan(rows, err, func(r Rows) (none struct{}, err error) {
		var position int64
		var id []byte
		if err := r.Scan(&position, &id); err != nil {
			return none, err
		}
		for _, tail := range [][idTail]byte{keyTail(id), tailOf(id)} {
			if at, stray := v.dedupe.strays[tail]; stray && at != position {
				v.fault(at, FaultKeys, "it goes by the dedupe key of event %d", position)
			}
		}
		return none, nil
	})
	return err
}
