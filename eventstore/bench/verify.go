package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Verified is how fast a log is verified, and hashed.
type Verified struct {
	Events                  int64
	EventsPerSecond         float64
	BaselineEventsPerSecond float64
	Ratio                   float64
}

// Verify measures verify against SHA-256 of the same bytes read the same way, in turns, and takes the medians.
func Verify(ctx context.Context, db eventstore.DB, connection string, runs int,
	verify func(context.Context) (eventstore.Report, error),
) (Verified, error) {
	var r Verified
	var took, base []time.Duration
	for range runs {
		began := time.Now()
		n, err := hashAll(ctx, db, connection)
		if err != nil {
			return r, fmt.Errorf("bench verify: baseline: %w", err)
		}
		base = append(base, time.Since(began))
		began = time.Now()
		report, err := verify(ctx)
		if err != nil {
			return r, fmt.Errorf("bench verify: %w", err)
		}
		took = append(took, time.Since(began))
		if !report.OK() || report.Events != n || report.Sealed != n {
			return r, fmt.Errorf("bench verify: of %d events %d were verified, %d sealed, with %d faults", n, report.Events,
				report.Sealed, len(report.Faults))
		}
		r.Events = n
	}
	slices.Sort(took)
	slices.Sort(base)
	r.EventsPerSecond = float64(r.Events) / took[len(took)/2].Seconds()
	r.BaselineEventsPerSecond = float64(r.Events) / base[len(base)/2].Seconds()
	r.Ratio = r.EventsPerSecond / r.BaselineEventsPerSecond
	return r, nil
}

// hashAll reads every event as verify does, and hashes what it read.
func hashAll(ctx context.Context, db eventstore.DB, connection string) (n int64, err error) {
	const page = 500
	for sum := sha256.New(); ; {
		rows, err := db.Query(ctx, `SELECT position, id, stream, type, schema, occurred_at, recorded_at, actor, causation,
			subject, data, key_hash, hash FROM event WHERE connection = $1 AND position > $2 AND position <= $3
			ORDER BY connection, position`, connection, n, n+page)
		read, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
			var position, schema, occurredAt, recordedAt, causation int64
			var stream, kind, actor, subject string
			var id, data, keyHash, hash []byte
			err = r.Scan(&position, &id, &stream, &kind, &schema, &occurredAt, &recordedAt, &actor, &causation, &subject,
				&data, &keyHash, &hash)
			for _, b := range [][]byte{id, []byte(stream), []byte(kind), []byte(actor), []byte(subject), data, keyHash} {
				sum.Write(b)
			}
			return none, err
		})
		if err != nil || len(read) == 0 {
			return n, err
		}
		n += int64(len(read))
	}
}
