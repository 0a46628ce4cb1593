package group

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/eventstore"
)

// ErrToken marks an acknowledgement that was not given out here.
var ErrToken = errors.New("not an acknowledgement of this consumer: send back what the last batch was answered with")

const (
	// readPage is how many events are read at a time.
	readPage = 1000
	// scanPages bounds how long is looked for an event that passes the filter.
	scanPages = 50
)

// Batch is what a member is to handle next, in order. When it is done it acknowledges the batch.
type Batch struct {
	Events []Delivered
	// Through is the last position looked at. Acknowledging the batch acknowledges everything up to it.
	Through int64
	// Ended: there was nothing more when it was read.
	Ended bool
	held  []Held
	again []int64 // parked events among them that are delivered once more
}

// Delivered is an event a member is to handle.
type Delivered struct {
	eventstore.Event
	// Again: it was parked, and somebody asked for it to be delivered once more. Later events of its record were handled
	// meanwhile.
	Again bool
}

// Empty reports whether there is nothing to handle and nothing to acknowledge.
func (b Batch) Empty() bool { return len(b.Events) == 0 && b.Through == 0 }

// Fetch returns up to limit events of the partitions of the share, in order.
func (g *Groups) Fetch(ctx context.Context, log stream.Reader, s Share, limit int) (Batch, error) {
	b := Batch{held: s.Held, Ended: true}
	if len(s.Held) == 0 {
		return b, nil
	}
	parked, err := g.parked(ctx, s.Consumer)
	if err != nil {
		return b, err
	}
	if err := b.retry(ctx, log, s, parked); err != nil {
		return b, err
	}
	from := slices.MinFunc(s.Held, func(x, y Held) int { return int(x.Position - y.Position) }).Position
	acked := map[int]int64{}
	for _, h := range s.Held {
		acked[h.Partition] = h.Position
	}
	aside := map[int64]bool{}
	for _, p := range parked {
		aside[p.Position] = true
	}
	mine := func(e eventstore.Event) bool {
		position, ok := acked[PartitionOf(e.Stream)]
		return ok && e.Position > position && !aside[e.Position]
	}
	return b, b.read(ctx, log, s.info.Filter, from, limit, mine)
}

func (b *Batch) read(ctx context.Context, log stream.Reader, f stream.Filter, after int64, limit int, mine func(eventstore.Event) bool) error {
	for range scanPages {
		events, err := log.Read(ctx, after, readPage)
		if err != nil {
			return err
		}
		b.Ended = len(events) < readPage
		if len(events) == 0 {
			return nil
		}
		last := events[len(events)-1].Position
		own := slices.DeleteFunc(slices.Clone(events), func(e eventstore.Event) bool { return !mine(e) })
		page, err := f.Of(ctx, log, own, after)
		if err != nil {
			return err
		}
		for i, e := range page.Events {
			if len(b.Events) >= limit && i > 0 {
				b.Ended = false
				return nil
			}
			b.Events = append(b.Events, Delivered{Event: e})
			b.Through = e.Position
		}
		b.Through, after = last, last
		if len(b.Events) >= limit || b.Ended {
			return nil
		}
	}
	return nil
}

// retry puts the parked events that are to be delivered again in front.
func (b *Batch) retry(ctx context.Context, log stream.Reader, s Share, parked []Parked) error {
	for _, p := range parked {
		if p.Again && slices.ContainsFunc(s.Held, func(h Held) bool { return h.Partition == p.Partition }) {
			b.again = append(b.again, p.Position)
		}
	}
	if len(b.again) == 0 {
		return nil
	}
	b.again = b.again[:min(len(b.again), 100)]
	events, err := log.Get(ctx, b.again...)
	if err != nil {
		return err
	}
	for _, e := range events {
		page, err := s.info.Filter.Of(ctx, log, []eventstore.Event{e}, e.Position)
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			b.Events = append(b.Events, Delivered{Event: e, Again: true})
		}
	}
	return nil
}

// Token is what a member sends back to acknowledge a batch.
type token struct {
	Held    []Held  `json:"h"`
	Through int64   `json:"t"`
	Again   []int64 `json:"a,omitempty"`
}

// Token names the batch for who acknowledges it over a wire.
func (b Batch) Token() string {
	data, _ := json.Marshal(token{b.held, b.Through, b.again}) // numbers
	return base64.RawURLEncoding.EncodeToString(data)
}

// ParseToken reads what Token made. The batch has no events any more.
func ParseToken(text string) (Batch, error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	var t token
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil || t.Through < 0 || len(t.Held) > Partitions {
		return Batch{}, fmt.Errorf("%w: send the ack of the batch back as it came", ErrToken)
	}
	return Batch{Through: t.Through, held: t.Held, again: t.Again}, nil
}

// Upto is the part of the batch up to a position, for who has handled no more than that. What was delivered again counts
// as handled only with the whole.
func (b Batch) Upto(position int64) Batch {
	if position >= b.Through {
		return b
	}
	b.Through, b.again = position, nil
	return b
}

// Ack stores that the batch is handled. ErrLost when a partition is no longer the member's: nothing of the batch counts
// there, and it comes again.
func (g *Groups) Ack(ctx context.Context, name, member string, b Batch) error {
	epochs := map[int64]int64{}
	for _, h := range b.held {
		epochs[h.Epoch]++
	}
	head, err := g.log.Head(ctx)
	if err != nil {
		return err
	}
	if b.Through > head.Position {
		return fmt.Errorf("acknowledge %d: %w, which is at %d", b.Through, ErrBeyond, head.Position)
	}
	held := int64(0)
	err = g.db.InTx(ctx, func(tx eventstore.Tx) error {
		held = 0
		for epoch, want := range epochs {
			n, err := tx.Exec(ctx, `UPDATE consumer_partition SET
				position = CASE WHEN position < $1 THEN $2 ELSE position END,
				advanced_at = CASE WHEN position < $3 THEN $4 ELSE advanced_at END
				WHERE connection = $5 AND consumer = $6 AND member = $7 AND epoch = $8`,
				b.Through, b.Through, b.Through, g.now(), g.log.Connection(), name, member, epoch)
			if err != nil {
				return err
			}
			held += min(n, want)
		}
		return g.forget(ctx, tx, name, b.again)
	})
	if err == nil && held < int64(len(b.held)) {
		err = fmt.Errorf("%s in %s: %w", member, name, ErrLost)
	}
	return err
}

// forget removes parked events that were delivered again and handled.
func (g *Groups) forget(ctx context.Context, tx eventstore.Tx, name string, positions []int64) error {
	for _, position := range positions {
		_, err := tx.Exec(ctx, `DELETE FROM consumer_parked WHERE connection = $1 AND consumer = $2 AND position = $3 AND again = 1`,
			g.log.Connection(), name, position)
		if err != nil {
			return err
		}
	}
	return nil
}

// Holds reports whether a consumer without members, read as info before, is where it was: ErrLost when it was reset since.
func (g *Groups) Holds(ctx context.Context, info Info) error {
	parts, err := g.partitions(ctx, g.db, info.Name)
	if err == nil && (len(parts) == 0 || parts[0].epoch != info.Partitions[0].epoch) {
		err = fmt.Errorf("%s: %w", info.Name, ErrLost)
	}
	return err
}

// Advance moves the checkpoint of a consumer without members, read as info before, and forgets parked events that were
// delivered again. ErrLost when it was reset since.
func (g *Groups) Advance(ctx context.Context, info Info, to int64, again ...int64) error {
	n := int64(0)
	err := g.db.InTx(ctx, func(tx eventstore.Tx) (err error) {
		n, err = tx.Exec(ctx, `UPDATE consumer_partition SET advanced_at = $1, position = CASE WHEN position < $2 THEN $3 ELSE position END
			WHERE connection = $4 AND consumer = $5 AND partition = 0 AND epoch = $6`,
			g.now(), to, to, g.log.Connection(), info.Name, info.Partitions[0].epoch)
		if err != nil {
			return err
		}
		return g.forget(ctx, tx, info.Name, again)
	})
	if err == nil && n == 0 {
		err = fmt.Errorf("%s: %w", info.Name, ErrLost)
	}
	return err
}
