package app

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// lookForUnread is how often the owner looks for bodies whose time is over, or as often as that is long.
const lookForUnread = time.Hour

// expireUnread destroys the keys of bodies that nobody could read, and of items of another portal, when their time is over.
func (e *engine) expireUnread(ctx context.Context) error {
	after := map[domain.System]int64{}
	for looked := (time.Time{}); ctx.Err() == nil; {
		moved := e.moved.heard()
		wait := e.control.Load().Settings.Contacts.UnreadWait()
		left := max(min(wait, lookForUnread), lookForDue) - time.Since(looked)
		if left > 0 {
			rest(ctx, moved, left) // other settings may count from here on
			continue
		}
		if err := e.expireBefore(ctx, e.now().Add(-wait).UnixMicro(), after); err != nil && ctx.Err() == nil {
			e.Logger.Warn("bodies nobody could read will be looked at again", slog.Any("error", err))
			sleep(ctx, 4*lookForDue)
			continue
		}
		looked = time.Now()
	}
	return ctx.Err()
}

// expireBefore goes on after a position in each system's bodies, and leaves there how far none is to be looked at again.
func (e *engine) expireBefore(ctx context.Context, until int64, after map[domain.System]int64) error {
	var held []names
	for _, s := range domain.Systems {
		for at, more := after[s], true; more; {
			events, err := e.Log.ReadStream(ctx, string(s)+"/raw", at, rawPage)
			if err != nil {
				return err
			}
			more = len(events) == rawPage
			var last int64
			if held, last, err = e.heldNames(ctx); err != nil {
				return err
			}
			var subjects []string
			for _, ev := range events {
				if ev.RecordedAt >= until {
					more = false
					break
				}
				at = ev.Position
				if !ev.Erased && !namesOne(held, ev.Data) {
					subjects = append(subjects, ev.Subject)
				}
			}
			if err := e.expire(ctx, last, subjects, nil); err != nil {
				return err
			}
			if len(held) == 0 {
				after[s] = at
			}
		}
	}
	return e.expireParked(ctx, until)
}

func (e *engine) expireParked(ctx context.Context, until int64) error {
	held, last, err := e.heldNames(ctx)
	if err != nil {
		return err
	}
	parked, err := ingest.ParkedBodies(ctx, e.Store, e.Log)
	if err != nil {
		return err
	}
	var subjects, ids []string
	for _, p := range parked {
		if p.At < until && !namesOne(held, p.Body) {
			subjects, ids = append(subjects, p.Subject), append(ids, p.ID)
		}
	}
	return e.expire(ctx, last, subjects, ids)
}

// expire destroys keys, and says so in the log, unless somebody was put on hold since it was looked who is.
func (e *engine) expire(ctx context.Context, last int64, subjects, parked []string) error {
	if len(subjects) == 0 {
		return nil
	}
	act, err := e.act(domain.SubjectErased, domain.StreamPrivacy, domain.Act{
		Reason: "bodies nobody could read: their time is over (contacts.unread_for)", Subjects: subjects,
	}, duolog)
	if err != nil {
		return err
	}
	act.ExpectLast = &last
	err = e.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := ingest.DropParked(ctx, tx, e.Connection, parked); err != nil {
			return err
		}
		_, err := tx.Erase(ctx, e.Log, subjects, act)
		return err
	})
	if err != nil {
		return err
	}
	return e.forgotten(ctx)
}

// heldNames are those of people on hold, as of the last act about privacy: nothing that names one of them goes.
func (e *engine) heldNames(ctx context.Context) (all []names, last int64, err error) {
	p, err := e.privacy(ctx)
	if err != nil || len(p.holds) == 0 {
		return nil, p.last, err
	}
	s, err := e.settingsInForce(ctx)
	if err != nil {
		return nil, 0, err
	}
	for id := range p.holds {
		c, _, err := e.everyID(ctx, id)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, namesOf(s, c))
	}
	return all, p.last, nil
}

func namesOne(held []names, body []byte) bool {
	return slices.ContainsFunc(held, func(n names) bool { return n.in(body) })
}
