package group

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Share is what a member holds: partitions, since when, and how long it may go on without asking again.
type Share struct {
	Consumer string
	Member   string
	Held     []Held
	info     Info
	began    time.Time
	clock    func() time.Time
}

// Held is a partition a member holds.
type Held struct {
	Partition int   `json:"p"`
	Epoch     int64 `json:"e"`
	Position  int64 `json:"-"` // acknowledged so far
}

// Alive reports whether nobody else can hold these partitions yet. Ask before each event: a member that was frozen must
// not go on with what another one handles by now.
func (s Share) Alive() bool { return s.clock().Sub(s.began) < s.info.Lease*3/4 }

// Lease is how long the share lasts without Claim.
func (s Share) Lease() time.Duration { return s.info.Lease }

// Claim says that the member lives, and gives it its fair share of the partitions: it lets go of what is too much and
// takes what is free. What it lets go of it must have acknowledged, or not begun: within a batch, Renew and Hold say that
// it lives.
func (g *Groups) Claim(ctx context.Context, name, member string) (Share, error) {
	s, err := g.share(ctx, name, member)
	if err != nil {
		return s, err
	}
	live, err := g.live(ctx, name, member, s.info.Lease)
	if err != nil {
		return s, err
	}
	if changes(s.info.Partitions, member, live) {
		if err := g.divide(ctx, &s, live); err != nil {
			return s, err
		}
	}
	s.hold()
	return s, nil
}

// share reads the consumer for a member. ErrGeneration when its positions are of another log.
func (g *Groups) share(ctx context.Context, name, member string) (Share, error) {
	s := Share{Consumer: name, Member: member, began: g.clock(), clock: g.clock}
	all, err := g.rows(ctx, g.db, name)
	if err == nil && len(all) == 0 {
		err = unknown(name)
	}
	if err != nil {
		return s, err
	}
	s.info = all[0]
	if s.info.Kind != KindGroup {
		return s, fmt.Errorf("%w: %s is of the kind %s, which has no members", ErrBadSpec, name, s.info.Kind)
	}
	head, err := g.log.Head(ctx)
	if err == nil && s.info.Stale(head) {
		err = fmt.Errorf("%s: %w", name, ErrGeneration)
	}
	return s, err
}

// hold takes from the consumer's partitions those that are the member's.
func (s *Share) hold() {
	s.Held = nil
	for _, p := range s.info.Partitions {
		if p.Member == s.Member {
			s.Held = append(s.Held, Held{p.Number, p.epoch, p.Position})
		}
	}
}

// target is how many partitions a member is to hold: its place among the members decides who has one more.
func target(member string, live map[string]bool) int {
	names := []string{}
	for name := range live {
		names = append(names, name)
	}
	slices.Sort(names)
	n := Partitions / len(names)
	if slices.Index(names, member) < Partitions%len(names) {
		n++
	}
	return n
}

// changes reports whether the member holds too many, or too few while some are free.
func changes(parts []Partition, member string, live map[string]bool) bool {
	mine, free := 0, 0
	for _, p := range parts {
		switch {
		case p.Member == member:
			mine++
		case !live[p.Member]:
			free++
		}
	}
	want := target(member, live)
	return mine > want || mine < want && free > 0
}

// divide takes and lets go under the consumer's row lock.
func (g *Groups) divide(ctx context.Context, s *Share, live map[string]bool) error {
	conn := g.log.Connection()
	return g.db.InTx(ctx, func(tx eventstore.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE consumer SET epoch = epoch + 1 WHERE connection = $1 AND name = $2`, conn, s.Consumer)
		if err == nil && n == 0 {
			err = unknown(s.Consumer)
		}
		if err != nil {
			return err
		}
		all, err := g.rows(ctx, tx, s.Consumer)
		if err != nil {
			return err
		}
		s.info = all[0]
		mine, want := 0, target(s.Member, live)
		for _, p := range s.info.Partitions {
			if p.Member == s.Member {
				mine++
			}
		}
		for i := range s.info.Partitions {
			p := &s.info.Partitions[i]
			switch {
			case p.Member == s.Member && mine > want:
				p.Member = ""
				mine--
			case p.Member != s.Member && !live[p.Member] && mine < want:
				p.Member, p.epoch = s.Member, s.info.epoch
				mine++
			default:
				continue
			}
			_, err := tx.Exec(ctx, `UPDATE consumer_partition SET member = $1, epoch = $2
				WHERE connection = $3 AND consumer = $4 AND partition = $5`, p.Member, s.info.epoch, conn, s.Consumer, int64(p.Number))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// live beats for the member and returns who is not known to be gone.
func (g *Groups) live(ctx context.Context, name, member string, lease time.Duration) (map[string]bool, error) {
	rows, err := g.db.Query(ctx, `SELECT member, beat FROM consumer_member WHERE connection = $1 AND consumer = $2`,
		g.log.Connection(), name)
	type row struct {
		member string
		beat   int64
	}
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (m row, err error) { return m, r.Scan(&m.member, &m.beat) })
	if err != nil {
		return nil, fmt.Errorf("read members of %s: %w", name, err)
	}
	now, live, gone, there := g.clock(), map[string]bool{member: true}, []row{}, false
	g.mu.Lock()
	seen := g.seen[name]
	next := make(map[string]sight, len(all))
	for _, m := range all {
		at := seen[m.member]
		if at.since.IsZero() || at.beat != m.beat {
			at = sight{m.beat, now}
		}
		next[m.member] = at
		switch {
		case m.member == member:
			there = true
		case now.Sub(at.since) < lease:
			live[m.member] = true
		case now.Sub(at.since) > 4*lease:
			gone = append(gone, m)
		}
	}
	g.seen[name] = next
	g.mu.Unlock()
	for _, m := range gone { // it may come back; then it makes its row again
		_, err := g.db.Exec(ctx, `DELETE FROM consumer_member WHERE connection = $1 AND consumer = $2 AND member = $3 AND beat = $4`,
			g.log.Connection(), name, m.member, m.beat)
		if err != nil {
			return nil, err
		}
	}
	return live, g.beat(ctx, name, member, there, lease)
}

var memberOp = eventstore.BulkOp{Mode: eventstore.InsertNew, Table: "consumer_member", Key: 3, Columns: []eventstore.Column{
	col("connection", eventstore.Text), col("consumer", eventstore.Text), col("member", eventstore.Text),
	col("beat", eventstore.Int), col("polled_at", eventstore.Int),
}}

// beat shows that the member lives. What this process has shown lately need not be shown again.
func (g *Groups) beat(ctx context.Context, name, member string, there bool, lease time.Duration) error {
	now, key := g.clock(), name+"\x00"+member
	g.mu.Lock()
	last := g.beats[key]
	g.mu.Unlock()
	if there && !last.IsZero() && now.Sub(last) < lease/8 {
		return nil
	}
	n, err := g.db.Exec(ctx, `UPDATE consumer_member SET beat = beat + 1, polled_at = $1
		WHERE connection = $2 AND consumer = $3 AND member = $4`, g.now(), g.log.Connection(), name, member)
	if err == nil && n == 0 {
		err = g.db.Bulk(ctx, memberOp, [][]any{{g.log.Connection(), name, member, int64(1), g.now()}})
	}
	if err != nil {
		return fmt.Errorf("beat of %s in %s: %w", member, name, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.beats) > 10_000 { // members come with new names; what is forgotten here is only shown once more
		clear(g.beats)
	}
	g.beats[key] = now
	return nil
}

// Leave gives everything back at once, so that the others need not wait.
func (g *Groups) Leave(ctx context.Context, name, member string) error {
	return g.db.InTx(ctx, func(tx eventstore.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE consumer_partition SET member = '' WHERE connection = $1 AND consumer = $2 AND member = $3`,
			g.log.Connection(), name, member)
		if err == nil {
			_, err = tx.Exec(ctx, `DELETE FROM consumer_member WHERE connection = $1 AND consumer = $2 AND member = $3`,
				g.log.Connection(), name, member)
		}
		return err
	})
}
