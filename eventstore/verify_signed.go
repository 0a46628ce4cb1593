package eventstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/duolog/duolog/eventstore/treehead"
)

// headCheck holds signed heads against the tree as it grows.
type headCheck struct {
	held    []treehead.Head // from elsewhere, by size
	rows    []headRow       // the next stored ones
	ended   bool
	size    int64 // of the last stored one read
	version int64 // its generation
	agreed  int64 // the largest size at which one agreed
}

type headRow struct {
	size, generation int64
	note             string
}

// sealedTo is how far tree and heads go.
type sealedTo struct{ tree, head int64 }

const headPage = 200

// seals reads how far tree and heads go, in the snapshot of the totals.
func (v *verifier) seals(ctx context.Context, q Querier) error {
	v.tree.after = -1
	_, err := one(ctx, q, []any{&v.sealed.tree},
		"SELECT COALESCE(MAX(size), 0) FROM tree_hash WHERE connection = $1", v.Connection)
	if err != nil {
		return err
	}
	_, err = one(ctx, q, []any{&v.sealed.head, &v.report.LastHead}, `SELECT size, note FROM tree_head
		WHERE connection = $1 ORDER BY connection DESC, size DESC, generation DESC LIMIT 1`, v.Connection)
	v.report.Sealed = v.sealed.head
	return err
}

// begin looks at the heads before the events are read: what a log that was cut cannot show any more.
func (v *verifier) begin() {
	if most := max(v.sealed.tree, v.sealed.head); most > v.report.Head {
		v.fault(0, FaultSigned, "the log ends at %d, and %d events were sealed: its end was cut", v.report.Head, most)
	}
	if v.sealed.tree < v.sealed.head {
		v.fault(0, FaultTree, "heads speak for %d events, the stored tree for %d", v.sealed.head, v.sealed.tree)
	}
	for i, note := range v.Held {
		h, err := v.open(note)
		switch {
		case err != nil:
			v.fault(0, FaultSigned, "head %d of those held elsewhere: %v", i+1, err)
		case h.LogID != v.report.LogID:
			v.fault(0, FaultSigned, "a head held elsewhere is of log %s, this is %s", h.LogID, v.report.LogID)
		case h.Size > v.report.Head:
			v.fault(0, FaultSigned, "the log ends at %d, a head held elsewhere, of %s, speaks for %d events: its end was cut%s",
				v.report.Head, signedAt(h), h.Size, v.restored(h))
			v.report.Heads++
		default:
			v.heads.held = append(v.heads.held, h)
		}
	}
	slices.SortFunc(v.heads.held, func(a, b treehead.Head) int { return cmp.Compare(a.Size, b.Size) })
}

// open reads a head, and its signature when there is somebody to know it.
func (v *verifier) open(note string) (treehead.Head, error) {
	if len(v.Verifiers) == 0 {
		return treehead.Parse(note)
	}
	return treehead.Open(note, v.Verifiers...)
}

func signedAt(h treehead.Head) string { return time.UnixMicro(h.At).UTC().Format(time.RFC3339) }

// restored says of a head of an earlier generation why it may rightly differ.
func (v *verifier) restored(h treehead.Head) string {
	if h.Generation == v.report.Generation {
		return ""
	}
	return fmt.Sprintf("; it is of generation %d, the log was restored since and is in %d", h.Generation, v.report.Generation)
}

// signed holds the heads of the tree's present size against it.
func (v *verifier) signed(ctx context.Context) error {
	size := v.tree.size
	for len(v.heads.held) > 0 && v.heads.held[0].Size <= size {
		h := v.heads.held[0]
		v.heads.held = v.heads.held[1:]
		if h.Size == size {
			v.agree(h, "a head held elsewhere")
		}
	}
	for {
		if len(v.heads.rows) == 0 && !v.heads.ended {
			if err := v.headRows(ctx); err != nil {
				return err
			}
		}
		if len(v.heads.rows) == 0 || v.heads.rows[0].size > size {
			return nil
		}
		v.head(v.heads.rows[0])
		v.heads.rows = v.heads.rows[1:]
	}
}

// headRows reads the next stored heads.
func (v *verifier) headRows(ctx context.Context) error {
	c := &v.heads
	rows, err := v.db.Query(ctx, `SELECT size, generation, note FROM tree_head WHERE connection = $1 AND size <= $2
		AND (size > $3 OR (size = $4 AND generation > $5)) ORDER BY connection, size, generation LIMIT $6`,
		v.Connection, v.sealed.head, c.size, c.size, c.version, int64(headPage))
	c.rows, err = Scan(rows, err, func(r Rows) (h headRow, err error) {
		return h, r.Scan(&h.size, &h.generation, &h.note)
	})
	if err != nil {
		return err
	}
	if c.ended = len(c.rows) < headPage; len(c.rows) > 0 {
		last := c.rows[len(c.rows)-1]
		c.size, c.version = last.size, last.generation
	}
	return nil
}

// head checks one stored head.
func (v *verifier) head(row headRow) {
	h, err := v.open(row.note)
	switch {
	case err != nil:
		v.fault(row.size, FaultSigned, "the stored head of %d events: %v", row.size, err)
	case h.LogID != v.report.LogID || h.Connection != v.Connection || h.Size != row.size || h.Generation != row.generation:
		v.fault(row.size, FaultSigned, "the stored head of %d events is one of another log, size or generation", row.size)
	default:
		v.agree(h, "the stored head")
	}
}

// agree holds a head against the tree of its size.
func (v *verifier) agree(h treehead.Head, which string) {
	v.report.Heads++
	if v.tree.root() == h.Root {
		v.heads.agreed = h.Size
		return
	}
	v.fault(h.Size, FaultSigned, "%s of %s speaks for other events: something from %d to %d was changed, removed or added%s",
		which, signedAt(h), v.heads.agreed+1, h.Size, v.restored(h))
}
