package seal

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/treehead"
)

// batch is how many events make a row of hashes, at most.
const batch = 1000

// leaf is what the tree needs of an event.
type leaf struct {
	position, recordedAt int64
	hash                 []byte
}

// fold grows the tree through the position, in batches that are durable one by one, and returns its size: more, when
// somebody else has got further.
func (s *Sealer) fold(ctx context.Context, through int64) (int64, error) {
	for {
		if s.grow == nil {
			g, err := s.load(ctx)
			if err != nil {
				return 0, err
			}
			s.grow = g
		}
		if s.grow.size >= through {
			return s.grow.size, nil
		}
		leaves, err := s.leaves(ctx, s.grow.size, min(through, s.grow.size+batch))
		if err != nil {
			return 0, err
		}
		if err := s.store(ctx, leaves); err != nil {
			return 0, err
		}
	}
}

// load reads where the stored tree ends.
func (s *Sealer) load(ctx context.Context) (*growth, error) {
	last, found, err := s.tree.last(ctx)
	if err != nil || !found {
		return &growth{edge: map[int64]tlog.Hash{}}, err
	}
	g := &growth{size: last.size, first: last.first + last.count(), edge: map[int64]tlog.Hash{}}
	if g.first != tlog.StoredHashCount(g.size) {
		return nil, fmt.Errorf("the tree of %d events has %d hashes; duolog verify says more", g.size, g.first)
	}
	indexes := edge(g.size)
	hashes, err := s.tree.reader(ctx).ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	for i, index := range indexes {
		g.edge[index] = hashes[i]
	}
	return g, nil
}

func (s *Sealer) leaves(ctx context.Context, after, through int64) ([]leaf, error) {
	rows, err := s.DB.Query(ctx, `SELECT position, recorded_at, hash FROM event
		WHERE connection = $1 AND position > $2 AND position <= $3 ORDER BY connection, position`,
		s.Log.Connection(), after, through)
	leaves, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (l leaf, err error) {
		return l, r.Scan(&l.position, &l.recordedAt, &l.hash)
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	for i, l := range leaves {
		if l.position != after+int64(i)+1 || len(l.hash) != tlog.HashSize {
			return nil, fmt.Errorf("event %d is missing or damaged; duolog verify says more", after+int64(i)+1)
		}
	}
	if int64(len(leaves)) != through-after {
		return nil, fmt.Errorf("event %d is missing; duolog verify says more", after+int64(len(leaves))+1)
	}
	return leaves, nil
}

// store adds the leaves to the tree. When somebody has sealed them meanwhile, the tree is read again.
func (s *Sealer) store(ctx context.Context, leaves []leaf) error {
	next, hashes, err := s.grow.with(leaves)
	if err != nil {
		return err
	}
	_, err = s.DB.Exec(ctx, "INSERT INTO tree_hash (connection, first, size, hashes) VALUES ($1, $2, $3, $4)",
		s.Log.Connection(), s.grow.first, next.size, hashes)
	if err == nil {
		s.grow = next
		return nil
	}
	was := s.grow.size
	s.grow = nil
	if last, found, lookErr := s.tree.last(ctx); lookErr == nil && found && last.size > was {
		return nil
	}
	return fmt.Errorf("store hashes: %w", err)
}

// with returns the tree grown by the leaves, and the hashes that completes.
func (g *growth) with(leaves []leaf) (*growth, []byte, error) {
	known := make(map[int64]tlog.Hash, len(g.edge)+2*len(leaves))
	for index, h := range g.edge {
		known[index] = h
	}
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = known[index]
		}
		return hashes, nil
	})
	stored := make([]byte, 0, 2*len(leaves)*tlog.HashSize)
	next := &growth{size: g.size, first: g.first, edge: map[int64]tlog.Hash{}}
	for _, l := range leaves {
		hash := treehead.Leaf(l.position, l.recordedAt, [32]byte(l.hash))
		hashes, err := tlog.StoredHashesForRecordHash(next.size, hash, reader)
		if err != nil {
			return nil, nil, fmt.Errorf("hash event %d: %w", l.position, err)
		}
		for _, h := range hashes {
			known[next.first] = h
			stored = append(stored, h[:]...)
			next.first++
		}
		next.size++
	}
	for _, index := range edge(next.size) {
		next.edge[index] = known[index]
	}
	return next, stored, nil
}
