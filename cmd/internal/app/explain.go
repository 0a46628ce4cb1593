package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history/explain"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Explain says why a field of a contact is as it is, or was at a moment. Live, it asks both systems what they show now.
func (a *App) Explain(ctx context.Context, id ulid.ULID, field string, at contacts.Moment, live bool) (explain.Answer, error) {
	if live && !at.Now() {
		return explain.Answer{}, fmt.Errorf("%w: what the systems show now explains no other moment: live, or at", httpapi.ErrBadInput)
	}
	q, err := a.question(ctx, id, field, at)
	if err != nil || !at.Now() {
		return explain.Explain(q), err
	}
	control, _, err := a.Control(ctx)
	if err != nil {
		return explain.Answer{}, err
	}
	q.Hooked = map[string]bool{}
	maps.Copy(q.Hooked, control.Hooked)
	if q.Waiting, err = a.waiting(ctx, q.Contact.ID); err != nil {
		return explain.Answer{}, err
	}
	if f, mapped := explain.Mapped(q.Sync.Settings, field); live && mapped {
		if q.Live, err = a.readLive(ctx, q, f); err != nil {
			return explain.Answer{}, err
		}
	}
	return explain.Explain(q), nil
}

// question gathers what the projections know of a field of a contact at a moment.
func (a *App) question(ctx context.Context, id ulid.ULID, field string, at contacts.Moment) (q explain.Question, err error) {
	q.Field, q.At = field, at
	if q.Contact, err = a.ContactAt(ctx, id, at); err != nil {
		return q, err
	}
	if q.Entries, err = a.History.Until(ctx, id, at); err != nil {
		return q, err
	}
	if q.Sync, err = a.History.Sync(ctx, at); err != nil {
		return q, err
	}
	lists, err := a.lists(ctx, q.Sync.Settings, at)
	q.Env = q.Sync.Settings.EnvWith(lists)
	return q, err
}

// lists are the choices both systems offered at the moment: an old value is read through those of its day.
func (a *App) lists(ctx context.Context, s settings.Settings, at contacts.Moment) (settings.Lists, error) {
	if at.Now() {
		return outbound.Lists(ctx, a.Store, a.Log)
	}
	if !s.Listed() {
		return settings.Lists{}, nil
	}
	return outbound.ListsThen(ctx, a.Log, at.Covers)
}

// ContactAt returns a contact as it stood at the moment.
func (a *App) ContactAt(ctx context.Context, id ulid.ULID, at contacts.Moment) (contacts.Contact, error) {
	if at.Now() {
		return a.Contacts.Get(ctx, id)
	}
	return a.Contacts.At(ctx, id, at)
}

// waiting are the contact's commands, and how many wait beside them.
func (a *App) waiting(ctx context.Context, id ulid.ULID) ([]explain.Waiting, error) {
	rows, err := outbox.List(ctx, a.Store, a.Connection, outbox.Filter{Contact: id})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	counts, err := outbox.Counts(ctx, a.Store, a.Connection)
	if err != nil {
		return nil, err
	}
	queue := map[domain.System]int64{}
	for _, c := range counts {
		if c.State != outbox.Dead {
			queue[c.System] += c.Rows
		}
	}
	out := make([]explain.Waiting, len(rows))
	for i, r := range rows {
		out[i] = explain.Waiting{
			Command: r.Command, System: r.System, Kind: r.Kind, Sending: r.State == outbox.Sending, Dead: r.State == outbox.Dead,
			Attempts: r.Attempts, Next: time.UnixMicro(r.NextAt).UTC(), Error: r.Error, Before: queue[r.System],
		}
	}
	return out, nil
}

// readLive asks both systems for the field of the contact's linked records.
func (a *App) readLive(ctx context.Context, q explain.Question, f settings.Field) (map[domain.System]explain.Live, error) {
	systems, err := a.systems(q.Sync.Settings)
	if err != nil {
		return nil, err
	}
	out := map[domain.System]explain.Live{}
	for _, r := range q.Contact.Records {
		if r.State == string(planner.Linked) || r.State == string(planner.Unlinked) {
			out[r.System] = readOne(ctx, systems[r.System], domain.Record{System: r.System, ID: r.ID}, f, phoneOf(q))
		}
	}
	return out, nil
}

// phoneOf is the number by which Aloware is asked, which cannot be asked by id.
func phoneOf(q explain.Question) string {
	f, ok := q.Sync.Settings.Field(settings.PhoneField)
	if !ok {
		return ""
	}
	raw := shownRaw(q.Contact, domain.Aloware, f.Aloware.Read)
	phone, _, err := f.Get(domain.Aloware, domain.Properties{f.Aloware.Read: raw}, q.Env)
	if err != nil {
		return ""
	}
	return phone
}

func readOne(ctx context.Context, s adapters.System, rec domain.Record, f settings.Field, phone string) explain.Live {
	property := f.Side(rec.System).Read
	live := explain.Live{At: time.Now().UTC()}
	answers := s.Read(ctx, []adapters.ReadRequest{{By: "id", Value: rec.ID, Phone: phone, Properties: []string{property}}})
	if len(answers) != 1 {
		live.Error = fmt.Sprintf("%d answers to one read", len(answers))
		return live
	}
	if err := answers[0].Err; err != nil {
		live.Error = harmless(err)
		return live
	}
	for _, found := range answers[0].Records {
		if found.Record != rec || found.Deleted {
			continue
		}
		live.Value = found.Properties[property]
		for _, lacks := range found.Lacks {
			live.Lacks = live.Lacks || lacks == property
		}
		return live
	}
	live.Gone = true
	return live
}

// harmless is a failure in words that hold nothing personal and no secret.
func harmless(err error) string {
	var failed *adapters.Error
	if errors.As(err, &failed) {
		return failed.Error()
	}
	return "it could not be asked"
}
