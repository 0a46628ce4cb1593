package ingest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// append stores the arrivals in one call, so that they are durable together. Only when the store finds one of them
// unfit does each go by itself: one bad item never blocks its neighbours.
func (in *Ingest) append(ctx context.Context, arrivals []adapters.Arrival, rec *Receipt) error {
	events := make([]eventstore.NewEvent, len(arrivals))
	for i, a := range arrivals {
		events[i] = in.event(a)
	}
	got, err := in.cfg.Log.Append(ctx, events...)
	if errors.Is(err, eventstore.ErrInvalid) || errors.Is(err, eventstore.ErrErased) {
		got, err = in.appendEach(ctx, events)
	}
	if err != nil {
		return fmt.Errorf("append %d %s webhook items: %w", len(events), in.System(), err)
	}
	in.settle(ctx, arrivals, events, got, rec)
	return nil
}

// appendEach appends one by one; what the store refuses is stored as a raw body, and what belongs to an erased
// record as the bare fact that something came.
func (in *Ingest) appendEach(ctx context.Context, events []eventstore.NewEvent) ([]eventstore.Appended, error) {
	all := make([]eventstore.Appended, 0, len(events))
	for i := range events {
		got, err := in.cfg.Log.Append(ctx, events[i])
		switch {
		case errors.Is(err, eventstore.ErrErased):
			err = StoreRefused(ctx, in.cfg.Log.Vault(), &events[i], in.cfg.Erased, func(e eventstore.NewEvent) (err error) {
				got, err = in.cfg.Log.Append(ctx, e)
				return err
			})
		case errors.Is(err, eventstore.ErrInvalid):
			events[i].Stream = "" // whatever was refused, its envelope may be why
			events[i] = in.raw(events[i], "refused by the store")
			got, err = in.cfg.Log.Append(ctx, events[i])
		}
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
	}
	return all, nil
}

// settle counts what was appended and shows what went in unread.
func (in *Ingest) settle(ctx context.Context, arrivals []adapters.Arrival, events []eventstore.NewEvent,
	got []eventstore.Appended, rec *Receipt,
) {
	var lines []Line
	for i, g := range got {
		rec.Position = max(rec.Position, g.Position)
		switch {
		case g.Duplicate:
			rec.Duplicates++
		case events[i].Type == domain.SourceRaw:
			rec.Raw++
			lines = append(lines, in.rawLine(arrivals[i], events[i], g))
		default:
			rec.Stored++
		}
	}
	in.note(ctx, lines...)
}

func (in *Ingest) rawLine(a adapters.Arrival, e eventstore.NewEvent, g eventstore.Appended) Line {
	l := Line{
		Kind: KindRaw, ID: in.cfg.IDs(), At: g.RecordedAt, System: in.System(), Status: http.StatusOK,
		Reason: "cannot be read", Account: a.Account, Vendor: a.Fact.Vendor, Position: g.Position,
	}
	var r domain.Raw
	if json.Unmarshal(e.Data, &r) == nil {
		l.Reason, l.Vendor = r.Reason, r.Vendor
	}
	return l
}

// event makes the event of an arrival. It never fails: what does not fit an envelope or cannot be told as JSON text
// becomes a raw body.
func (in *Ingest) event(a adapters.Arrival) eventstore.NewEvent {
	e := eventstore.NewEvent{
		ID: in.cfg.IDs(), Type: a.Type, Schema: domain.SchemaOf(a.Type), OccurredAt: a.OccurredAt,
		Actor: string(in.System()), Key: in.key(a), Stream: a.Record.Stream(), Subject: a.Record.Stream(),
	}
	if a.Raw != nil {
		return in.rawEvent(e, *a.Raw)
	}
	var payload any = a.Fact
	if a.Activity != nil {
		payload = a.Activity
	}
	data, err := encode(payload)
	switch {
	case err != nil:
		e.Data = salvage(a)
		return in.raw(e, "not valid JSON")
	case !goodID(a.Record.ID):
		e.Data = data
		return in.raw(e, "no record id that can be stored")
	case !goodText(data):
		e.Data = data
		return in.raw(e, "NUL or invalid UTF-8")
	}
	e.Data = data
	return e
}

// key makes the dedupe key: the time first, which keeps the index local, then a keyed digest, so that nothing of the
// body can be found again by guessing. Nil without a key from the vendor: then every delivery is its own event.
func (in *Ingest) key(a adapters.Arrival) []byte {
	if a.Key == "" {
		return nil
	}
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(a.KeyTime))
	return append(key, in.cfg.Log.Vault().Blind("webhook", a.Key)...)
}

// suppressed keeps that something came for an erased record, and nothing of what came.
func suppressed(e eventstore.NewEvent) eventstore.NewEvent {
	var f domain.Fact
	_ = json.Unmarshal(e.Data, &f)
	e.Type, e.Schema = domain.RecordSuppressed, domain.SchemaOf(domain.RecordSuppressed)
	e.Subject = eventstore.SubjectLog
	e.Data, _ = encode(domain.Fact{Via: f.Via, Clock: f.Clock, Vendor: f.Vendor})
	return e
}
