package eventstore

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"
)

// treeCheck grows the Merkle tree again, leaf by leaf. It completes the tree's nodes in the order in which their
// hashes are stored, so both are held against each other as they come.
type treeCheck struct {
	size int64
	full []tlog.Hash // the roots of the full subtrees so far, the largest first
	// stored hashes not met yet: those of the rows read, and the number the next row must begin with.
	rows   []treeRow
	at     int64 // number of the next hash
	after  int64 // the last row read began here; -1 for none
	ended  bool  // no more rows
	broken bool  // a gap was told of
}

// treeRow is a row of tree_hash.
type treeRow struct {
	first, size int64
	hashes      []byte
}

// treePage is how many rows of hashes are read at once.
const treePage = 16

// fold adds the next event to the tree; nil stands for one that is missing. Where an event is not the one that was
// sealed, that is told once, and the tree goes on with the hash that was stored: what lies above is then held
// against its own faults only.
func (v *verifier) fold(ctx context.Context, leaf *tlog.Hash) error {
	t := &v.tree
	position := t.size + 1
	stored, err := v.stored(ctx)
	if err != nil {
		return err
	}
	var hash tlog.Hash
	switch {
	case stored == nil && leaf != nil:
		hash = *leaf
	case stored != nil:
		if hash = *stored; leaf != nil && hash != *leaf {
			v.fault(position, FaultTree, "this is not the event that was sealed at this position")
		}
	}
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.full) - 1
		hash = tlog.NodeHash(t.full[last], hash)
		t.full = t.full[:last]
		if stored, err = v.stored(ctx); err != nil {
			return err
		}
		if stored != nil && *stored != hash {
			v.fault(position, FaultTree, "a stored hash over the events up to here is not theirs")
		}
	}
	t.full = append(t.full, hash)
	t.size++
	return v.signed(ctx)
}

// root is the tree's so far.
func (t *treeCheck) root() tlog.Hash {
	root := t.full[len(t.full)-1]
	for i := len(t.full) - 2; i >= 0; i-- {
		root = tlog.NodeHash(t.full[i], root)
	}
	return root
}

// stored returns the next stored hash, nil where there is none.
func (v *verifier) stored(ctx context.Context) (*tlog.Hash, error) {
	t := &v.tree
	for len(t.rows) > 0 && t.at >= t.rows[0].first+int64(len(t.rows[0].hashes)/tlog.HashSize) {
		t.rows = t.rows[1:]
	}
	if len(t.rows) == 0 && !t.ended {
		if err := v.treeRows(ctx); err != nil {
			return nil, err
		}
	}
	at := t.at
	t.at++
	if len(t.rows) == 0 || at < t.rows[0].first {
		return nil, nil
	}
	hash := tlog.Hash(t.rows[0].hashes[(at-t.rows[0].first)*tlog.HashSize:])
	return &hash, nil
}

// treeRows reads the next rows, and tells of what is missing between them.
func (v *verifier) treeRows(ctx context.Context) error {
	t := &v.tree
	rows, err := v.db.Query(ctx, `SELECT first, size, hashes FROM tree_hash
		WHERE connection = $1 AND first > $2 AND size <= $3 ORDER BY connection, first LIMIT $4`,
		v.Connection, t.after, v.sealed.tree, int64(treePage))
	t.rows, err = Scan(rows, err, func(r Rows) (row treeRow, err error) {
		return row, r.Scan(&row.first, &row.size, &row.hashes)
	})
	if err != nil {
		return err
	}
	t.ended = len(t.rows) < treePage
	expected := t.at
	for _, row := range t.rows {
		count := int64(len(row.hashes) / tlog.HashSize)
		if row.first != expected && !t.broken {
			v.fault(0, FaultTree, "the tree's hashes from %d to %d are missing", expected, row.first-1)
			t.broken = true
		}
		if len(row.hashes)%tlog.HashSize != 0 || tlog.StoredHashCount(row.size) != row.first+count {
			v.fault(row.size, FaultTree, "a row of %d hashes from %d on does not make a tree of %d events", count,
				row.first, row.size)
		}
		expected, t.after = row.first+count, row.first
	}
	return nil
}
