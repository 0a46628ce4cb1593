package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// page is how many events are compared at a time.
const page = 1000

// ErrDiffers: two databases do not hold the same log.
var ErrDiffers = errors.New("the logs differ")

// Compare holds a log against its copy, up to a position: each event's hash and time, and the signed heads, of which the
// copy may lack those that were signed since. Verify shows that the hashes are those of what is stored.
func Compare(ctx context.Context, from, to eventstore.DB, connection string, through int64) error {
	const query = `SELECT position, recorded_at, hash FROM event WHERE connection = $1 AND position > $2 AND position <= $3
		ORDER BY connection, position`
	for after := int64(0); after < through; after += page {
		end := min(after+page, through)
		here, err := told(ctx, from, query, connection, after, end)
		if err != nil {
			return err
		}
		there, err := told(ctx, to, query, connection, after, end)
		if err != nil {
			return err
		}
		if at, same := equal(here, there); !same {
			return fmt.Errorf("%w at position %d of %s", ErrDiffers, after+int64(at)+1, connection)
		}
	}
	return compareHeads(ctx, from, to, connection, through)
}

func compareHeads(ctx context.Context, from, to eventstore.DB, connection string, through int64) error {
	const query = "SELECT size, generation, note FROM tree_head WHERE connection = $1 AND size <= $2"
	here, err := told(ctx, from, query, connection, through)
	if err != nil {
		return err
	}
	there, err := told(ctx, to, query, connection, through)
	if err != nil {
		return err
	}
	signed := make(map[line]bool, len(here))
	for _, h := range here {
		signed[h] = true
	}
	for _, h := range there {
		if !signed[h] {
			return fmt.Errorf("%w in the signed head of %d events of %s", ErrDiffers, h.first, connection)
		}
	}
	return nil
}

type line struct {
	first, second int64
	text          string
}

func told(ctx context.Context, db eventstore.DB, query string, args ...any) ([]line, error) {
	rows, err := db.Query(ctx, query, args...)
	return eventstore.Scan(rows, err, func(r eventstore.Rows) (l line, err error) {
		var text []byte
		err = r.Scan(&l.first, &l.second, &text)
		l.text = string(text)
		return l, err
	})
}

// equal returns where two lists part.
func equal(a, b []line) (at int, same bool) {
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return at, at == len(a) && at == len(b)
}
