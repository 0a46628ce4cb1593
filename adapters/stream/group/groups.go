package group

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Groups are the consumers of a connection.
type Groups struct {
	db    eventstore.DB
	log   eventstore.Log
	clock func() time.Time // must carry a monotonic reading

	mu    sync.Mutex
	seen  map[string]map[string]sight // consumer, member
	beats map[string]time.Time        // when a member of this process showed last that it lives
}

// sight is a member's beat and since when this process has seen it stand there.
type sight struct {
	beat  int64
	since time.Time
}

// New returns the consumers of the log's connection, whose tables lie in db. clock nil: time.Now.
func New(db eventstore.DB, log eventstore.Log, clock func() time.Time) *Groups {
	if clock == nil {
		clock = time.Now
	}
	return &Groups{db: db, log: log, clock: clock, seen: map[string]map[string]sight{}, beats: map[string]time.Time{}}
}

func (g *Groups) now() int64 { return g.clock().UnixMicro() }

func col(name string, kind eventstore.Kind) eventstore.Column {
	return eventstore.Column{Name: name, Kind: kind}
}

var (
	consumerOp = eventstore.BulkOp{Mode: eventstore.InsertNew, Table: "consumer", Key: 2, Columns: []eventstore.Column{
		col("connection", eventstore.Text), col("name", eventstore.Text), col("kind", eventstore.Text),
		col("filter", eventstore.Text), col("lease", eventstore.Int), col("log_id", eventstore.Bytes),
		col("generation", eventstore.Int), col("epoch", eventstore.Int), col("created_at", eventstore.Int),
	}}
	partitionOp = eventstore.BulkOp{Mode: eventstore.InsertNew, Table: "consumer_partition", Key: 3, Columns: []eventstore.Column{
		col("connection", eventstore.Text), col("consumer", eventstore.Text), col("partition", eventstore.Int),
		col("position", eventstore.Int), col("member", eventstore.Text), col("epoch", eventstore.Int),
		col("advanced_at", eventstore.Int),
	}}
)

// Create makes a consumer. ErrExists when there is one of this name, ErrBeyond when it would begin past the end.
func (g *Groups) Create(ctx context.Context, s Spec) error {
	s, err := s.check()
	if err != nil {
		return err
	}
	head, err := g.log.Head(ctx)
	if err != nil {
		return err
	}
	if s.After < 0 {
		s.After = head.Position
	}
	if s.After > head.Position {
		return fmt.Errorf("begin after %d: %w, which is at %d", s.After, ErrBeyond, head.Position)
	}
	filter, err := json.Marshal(s.Filter)
	if err != nil {
		return fmt.Errorf("create consumer: %w", err)
	}
	return g.db.InTx(ctx, func(tx eventstore.Tx) error {
		if there, err := g.rows(ctx, tx, s.Name); err != nil || len(there) > 0 {
			return errors.Join(err, existsError(there))
		}
		now, conn := g.now(), g.log.Connection()
		err := tx.Bulk(ctx, consumerOp, [][]any{{
			conn, s.Name, s.Kind, string(filter), s.Lease.Microseconds(), head.LogID[:], head.Generation, int64(0), now,
		}})
		if err != nil {
			return err
		}
		parts := make([][]any, s.partitions())
		for i := range parts {
			parts[i] = []any{conn, s.Name, int64(i), s.After, "", int64(0), now}
		}
		if err := tx.Bulk(ctx, partitionOp, parts); err != nil || s.Token == "" {
			return err
		}
		return g.admit(ctx, tx, s.Name, s.Token)
	})
}

func existsError(there []Info) error {
	if len(there) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrExists, there[0].Name)
}

// Ensure is Create for who does not mind that the consumer is there already, of the same kind.
func (g *Groups) Ensure(ctx context.Context, s Spec) error {
	there, err := g.rows(ctx, g.db, s.Name)
	if err == nil && len(there) == 0 {
		if err = g.Create(ctx, s); errors.Is(err, ErrExists) {
			there, err = g.rows(ctx, g.db, s.Name)
		}
	}
	if err == nil && len(there) > 0 && s.Kind != "" && there[0].Kind != s.Kind {
		return fmt.Errorf("%w: %s is there and of the kind %s, not %s", ErrExists, s.Name, there[0].Kind, s.Kind)
	}
	return err
}

// Delete forgets a consumer and its checkpoint.
func (g *Groups) Delete(ctx context.Context, name string) error {
	return g.db.InTx(ctx, func(tx eventstore.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM consumer WHERE connection = $1 AND name = $2`, g.log.Connection(), name)
		if err == nil && n == 0 {
			err = unknown(name)
		}
		for _, table := range []string{"consumer_partition", "consumer_member", "consumer_parked", "consumer_token"} {
			if err == nil {
				_, err = tx.Exec(ctx, `DELETE FROM `+table+` WHERE connection = $1 AND consumer = $2`, g.log.Connection(), name)
			}
		}
		return err
	})
}

func unknown(name string) error { return fmt.Errorf("%w: %s", ErrUnknown, name) }

// Reset has a consumer go on after a position, in the log as it is now. Members lose what they were given.
func (g *Groups) Reset(ctx context.Context, name string, after int64) error {
	head, err := g.log.Head(ctx)
	if err != nil {
		return err
	}
	if after < 0 {
		after = head.Position
	}
	if after > head.Position {
		return fmt.Errorf("go on after %d: %w, which is at %d", after, ErrBeyond, head.Position)
	}
	return g.db.InTx(ctx, func(tx eventstore.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE consumer SET epoch = epoch + 1, log_id = $1, generation = $2
			WHERE connection = $3 AND name = $4`, head.LogID[:], head.Generation, g.log.Connection(), name)
		if err == nil && n == 0 {
			return unknown(name)
		}
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE consumer_partition SET position = $1, member = '', epoch = epoch + 1, advanced_at = $2
				WHERE connection = $3 AND consumer = $4`, after, g.now(), g.log.Connection(), name)
		}
		return err
	})
}

// Get returns a consumer; ErrUnknown when there is none.
func (g *Groups) Get(ctx context.Context, name string) (Info, error) {
	all, err := g.rows(ctx, g.db, name)
	if err == nil && len(all) == 0 {
		err = unknown(name)
	}
	if err == nil {
		all, err = g.complete(ctx, all)
	}
	if err != nil {
		return Info{}, err
	}
	return all[0], nil
}

// List returns all consumers by name.
func (g *Groups) List(ctx context.Context) ([]Info, error) {
	all, err := g.rows(ctx, g.db, "")
	if err != nil {
		return nil, err
	}
	return g.complete(ctx, all)
}

// rows reads consumers, all of them when no name is given, with their partitions.
func (g *Groups) rows(ctx context.Context, q eventstore.Querier, name string) ([]Info, error) {
	rows, err := q.Query(ctx, `SELECT name, kind, filter, lease, log_id, generation, epoch, created_at FROM consumer
		WHERE connection = $1 AND (name = $2 OR $3 = '') ORDER BY connection, name`, g.log.Connection(), name, name)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (i Info, err error) {
		var filter string
		var lease, created int64
		if err := r.Scan(&i.Name, &i.Kind, &filter, &lease, &i.logID, &i.Generation, &i.epoch, &created); err != nil {
			return i, err
		}
		i.Lease, i.CreatedAt = time.Duration(lease)*time.Microsecond, time.UnixMicro(created).UTC()
		return i, json.Unmarshal([]byte(filter), &i.Filter)
	})
	if err != nil {
		return nil, fmt.Errorf("read consumers: %w", err)
	}
	for i := range all {
		if all[i].Partitions, err = g.partitions(ctx, q, all[i].Name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (g *Groups) partitions(ctx context.Context, q eventstore.Querier, name string) ([]Partition, error) {
	rows, err := q.Query(ctx, `SELECT partition, position, member, epoch, advanced_at FROM consumer_partition
		WHERE connection = $1 AND consumer = $2 ORDER BY connection, consumer, partition`, g.log.Connection(), name)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (p Partition, err error) {
		var number int64
		err = r.Scan(&number, &p.Position, &p.Member, &p.epoch, &p.advanced)
		p.Number = int(number)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("read partitions of %s: %w", name, err)
	}
	return all, nil
}

// complete adds how far each consumer has come.
func (g *Groups) complete(ctx context.Context, all []Info) ([]Info, error) {
	head, err := g.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	for n := range all {
		i := &all[n]
		first := slices.MinFunc(i.Partitions, func(a, b Partition) int { return int(a.Position - b.Position) })
		i.Position, i.Lag = first.Position, max(head.Position-first.Position, 0)
		advanced := int64(0)
		for _, p := range i.Partitions {
			advanced = max(advanced, p.advanced)
			if p.Member != "" && !slices.Contains(i.Members, p.Member) {
				i.Members = append(i.Members, p.Member)
			}
		}
		slices.Sort(i.Members)
		i.AdvancedAt = time.UnixMicro(advanced).UTC()
		if i.Tokens, err = g.granted(ctx, i.Name); err != nil {
			return nil, err
		}
		if err := g.ages(ctx, i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (g *Groups) ages(ctx context.Context, i *Info) error {
	if i.Lag > 0 {
		next, err := g.log.Read(ctx, i.Position, 1)
		if err != nil {
			return err
		}
		if len(next) > 0 {
			i.Age = max(g.clock().Sub(time.UnixMicro(next[0].RecordedAt)), 0)
		}
	}
	polled, err := g.numbers(ctx, `SELECT COALESCE(MAX(polled_at), 0) FROM consumer_member WHERE connection = $1 AND consumer = $2`, i.Name)
	if err != nil {
		return err
	}
	if polled > 0 {
		i.PolledAt = time.UnixMicro(polled).UTC()
	}
	parked, err := g.numbers(ctx, `SELECT COUNT(*) FROM consumer_parked WHERE connection = $1 AND consumer = $2`, i.Name)
	i.Parked = int(parked)
	return err
}

func (g *Groups) numbers(ctx context.Context, query, name string) (int64, error) {
	rows, err := g.db.Query(ctx, query, g.log.Connection(), name)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[0], nil
}
