package seal

import (
	"context"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/duolog/duolog/eventstore"
)

// Tree reads the stored Merkle tree of a connection's log. It keeps what it read last, so it is for one goroutine.
type Tree struct {
	db         eventstore.DB
	connection string
	rows       []row // of the last reads, the latest last
}

// maxRows is how many rows a Tree keeps: neighbouring events have their proofs from the same ones.
const maxRows = 64

// row is a run of stored hashes.
type row struct {
	first  int64
	size   int64 // events in the tree after it
	hashes []byte
}

func (r row) count() int64 { return int64(len(r.hashes) / tlog.HashSize) }

// NewTree returns a reader of the connection's tree.
func NewTree(db eventstore.DB, connection string) *Tree { return &Tree{db: db, connection: connection} }

// Prove returns what shows that the tree of so many events holds the one at the position.
func (t *Tree) Prove(ctx context.Context, size, position int64) (tlog.RecordProof, error) {
	proof, err := tlog.ProveRecord(size, position-1, t.reader(ctx))
	if err != nil {
		return nil, fmt.Errorf("proof of event %d in a tree of %d: %w", position, size, err)
	}
	return proof, nil
}

// Root returns the root over the first so many events.
func (t *Tree) Root(ctx context.Context, size int64) (tlog.Hash, error) {
	root, err := tlog.TreeHash(size, t.reader(ctx))
	if err != nil {
		return root, fmt.Errorf("root of a tree of %d: %w", size, err)
	}
	return root, nil
}

func (t *Tree) reader(ctx context.Context) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			r, err := t.row(ctx, index)
			if err != nil {
				return nil, err
			}
			copy(hashes[i][:], r.hashes[(index-r.first)*tlog.HashSize:])
		}
		return hashes, nil
	})
}

// row finds the row that holds the hash of a number.
func (t *Tree) row(ctx context.Context, index int64) (row, error) {
	for i := len(t.rows) - 1; i >= 0; i-- {
		if r := t.rows[i]; index >= r.first && index < r.first+r.count() {
			t.rows = append(append(t.rows[:i], t.rows[i+1:]...), r)
			return r, nil
		}
	}
	found, err := t.query(ctx, `SELECT first, size, hashes FROM tree_hash WHERE connection = $1 AND first <= $2
		ORDER BY connection DESC, first DESC LIMIT 1`, t.connection, index)
	switch {
	case err != nil:
		return row{}, err
	case len(found) == 0 || index >= found[0].first+found[0].count():
		return row{}, fmt.Errorf("hash %d of the tree is missing; duolog verify says more", index)
	}
	if len(t.rows) == maxRows {
		t.rows = t.rows[1:]
	}
	t.rows = append(t.rows, found[0])
	return found[0], nil
}

// last returns the last row; false when nothing is sealed yet.
func (t *Tree) last(ctx context.Context) (row, bool, error) {
	found, err := t.query(ctx, `SELECT first, size, hashes FROM tree_hash WHERE connection = $1
		ORDER BY connection DESC, first DESC LIMIT 1`, t.connection)
	if err != nil || len(found) == 0 {
		return row{}, false, err
	}
	return found[0], true, nil
}

func (t *Tree) query(ctx context.Context, query string, args ...any) ([]row, error) {
	rows, err := t.db.Query(ctx, query, args...)
	found, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (out row, err error) {
		return out, r.Scan(&out.first, &out.size, &out.hashes)
	})
	if err != nil {
		return nil, fmt.Errorf("read tree of %s: %w", t.connection, err)
	}
	return found, nil
}

// edge lists the numbers of the hashes a tree of the size is grown on from: the roots of its full subtrees.
func edge(size int64) []int64 {
	var indexes []int64
	at := int64(0)
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if width := int64(1) << level; size&width != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, at>>level))
			at += width
		}
	}
	return indexes
}
