package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound"
)

// opTest is the operation that tests a field's mapping in one contact.
const opTest = "settings test"

// StartFieldTest has the owner of the connection change a field of a contact in one system, follow the change to the
// other, and put the old value back. It does not wait for it. Nothing is changed where nothing would be sent.
func (a *App) StartFieldTest(ctx context.Context, o httpapi.TestOrder, by httpapi.By) (httpapi.Done, error) {
	if err := a.CatchUp(ctx); err != nil {
		return httpapi.Done{}, err
	}
	control, _, err := a.InForce(ctx)
	if err != nil {
		return httpapi.Done{}, err
	}
	if why := notSending(control); why != "" {
		return httpapi.Done{}, fmt.Errorf("%w: %s, so nothing would be sent and nothing was changed", httpapi.ErrConflict, why)
	}
	f, ok := control.Settings.Named(o.Field)
	if !ok {
		return httpapi.Done{}, fmt.Errorf("there is no field %q in the settings: %w", o.Field, httpapi.ErrNotFound)
	}
	if o.From == "" {
		o.From = domain.HubSpot
		if !allows(control.Settings, f, domain.Aloware) {
			o.From = domain.Aloware
		}
	}
	c, err := a.Contacts.Get(ctx, o.Contact)
	if err != nil {
		return httpapi.Done{}, err
	}
	if err := testable(control, f, c, o.From); err != nil {
		return httpapi.Done{}, err
	}
	if owner, _, err := lease.Owner(ctx, a.Store, a.Connection); err != nil || owner == "" {
		return httpapi.Done{}, fmt.Errorf("%w: nobody serves this connection: start duolog serve, which hears the webhooks "+
			"a test follows; nothing was changed", httpapi.ErrConflict)
	}
	act := domain.Act{
		Name: opTest, Reason: by.Reason, Contact: c.ID, Field: f.Name, From: o.From,
		Records: []domain.Record{recordOf(c, domain.Aloware), recordOf(c, domain.HubSpot)},
	}
	head, err := a.Log.Head(ctx)
	if err != nil {
		return httpapi.Done{}, err
	}
	if err := a.prepare(ctx, &fieldTest{at: head.Position, act: act}); err != nil {
		return httpapi.Done{}, err
	}
	return a.Act(ctx, domain.OperationStarted, act, by)
}

// notSending says why nothing would be sent now, empty when something would.
func notSending(c planner.Control) string {
	switch {
	case c.Settings.Version == 0:
		return "there are no settings yet"
	case silent(c):
		return "the mode is " + string(c.Mode)
	case c.Paused:
		return "the sync is paused"
	case c.Shut:
		return "the gate is shut"
	case !c.Baseline:
		return "the first scan of both systems is not over"
	}
	return ""
}

// allows reports whether switch and field both let a change into the system.
func allows(s settings.Settings, f settings.Field, target domain.System) bool {
	return f.Direction.Allows(target) && s.Contacts.Update.Allows(target)
}

// testable refuses what a test could harm, or could not follow.
func testable(c planner.Control, f settings.Field, k contacts.Contact, from domain.System) error {
	i := slices.IndexFunc(k.Fields, func(x contacts.Field) bool { return x.Field == f.Name })
	refuse := func(text string, args ...any) error {
		return fmt.Errorf("%w: %s; nothing was changed", httpapi.ErrConflict, fmt.Sprintf(text, args...))
	}
	switch to := from.Other(); {
	case f.Sticky():
		return refuse("%s is a consent field, and a stop is no test", f.Name)
	case f.Locked:
		return refuse("people are found by their %s, which is not played with", f.Name)
	case !allows(c.Settings, f, to):
		return refuse("no change of %s flows from %s to %s: see its direction, and contacts.update", f.Name, from.Title(), to.Title())
	case f.Overwrite != settings.OverwriteAlways:
		return refuse("overwrite of %s is %s: no change would go over a value", f.Name, f.Overwrite)
	case c.ShutFields[f.Name] != "":
		return refuse("%s is shut: %s", f.Name, c.ShutFields[f.Name])
	case recordOf(k, from).IsZero() || recordOf(k, to).IsZero():
		return refuse("the contact stands in one system only")
	case i < 0 || k.Fields[i].State != contacts.InStep:
		return refuse("%s is not the same on both sides of this contact; choose one where it is", f.Name)
	}
	return nil
}

// recordOf is a contact's linked record in a system, zero for none.
func recordOf(c contacts.Contact, s domain.System) domain.Record {
	for _, r := range c.Records {
		if r.System == s && r.State == string(planner.Linked) {
			return domain.Record{System: s, ID: r.ID}
		}
	}
	return domain.Record{}
}

// fieldTest is a test as the log tells of it.
type fieldTest struct {
	id      ulid.ULID
	started int64 // µs UTC
	at      int64 // position
	act     domain.Act
	field   settings.Field
	env     settings.Env
	old     string // canonical, on both sides before
	value   string // canonical, what it is changed to
	phone   string // by which Aloware finds the contact
}

// fieldTest reads what a test is about: the value both sides held at its start, and the one it is changed to, follow
// from the log, so that whoever takes over knows what to put back.
func (a *App) fieldTest(ctx context.Context, id string) (*fieldTest, error) {
	t := &fieldTest{}
	var err error
	if t.id, err = ulid.ParseStrict(id); err != nil {
		return nil, fmt.Errorf("%w: %q is no id of a test: the answer to POST …/settings/test holds it", httpapi.ErrBadInput, id)
	}
	if err := a.startOf(ctx, t); err != nil {
		return nil, err
	}
	return t, a.prepare(ctx, t)
}

// prepare works out the values of a test.
func (a *App) prepare(ctx context.Context, t *fieldTest) error {
	control, _, err := a.Control(ctx)
	if err != nil {
		return err
	}
	lists, err := outbound.Lists(ctx, a.Store, a.Log)
	if err != nil {
		return err
	}
	var ok bool
	if t.field, ok = control.Settings.Field(t.act.Field); !ok {
		return fmt.Errorf("%s is not mapped any more: %w", t.act.Field, httpapi.ErrConflict)
	}
	t.env = control.Settings.EnvWith(lists)
	before, err := a.valuesAt(ctx, t.record(domain.Aloware), t.at)
	if err != nil {
		return err
	}
	if phone, mapped := control.Settings.Field(settings.PhoneField); mapped {
		t.phone, _, _ = phone.Get(domain.Aloware, before, t.env)
	}
	if t.old, _, err = t.field.Get(domain.Aloware, before, t.env); err != nil || t.old == "" {
		return fmt.Errorf("%w: %s has no value in this contact; choose one where it has", httpapi.ErrConflict, t.field.Name)
	}
	if t.value, err = control.Settings.TestValue(t.field, t.old, lists); err != nil {
		return fmt.Errorf("%w: %w", httpapi.ErrConflict, err)
	}
	return nil
}

// startOf finds the act that started a test.
func (a *App) startOf(ctx context.Context, t *fieldTest) error {
	for after := int64(0); ; {
		events, err := a.Log.ReadStream(ctx, streamConnection, after, 500)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return fmt.Errorf("there is no test %s: %w", t.id, httpapi.ErrNotFound)
		}
		for _, e := range events {
			after = e.Position
			if e.ID != t.id {
				continue
			}
			t.at, t.started = e.Position, e.RecordedAt
			if err := domain.Decode(e.Type, e.Schema, e.Data, &t.act); err != nil || t.act.Name != opTest || len(t.act.Records) != 2 {
				return fmt.Errorf("%s is no test: %w", t.id, httpapi.ErrNotFound)
			}
			return nil
		}
	}
}

// valuesAt folds what a record told up to a position.
func (a *App) valuesAt(ctx context.Context, r domain.Record, position int64) (domain.Properties, error) {
	out, clocks := domain.Properties{}, map[string]int64{}
	for after := int64(0); ; {
		events, err := a.Log.ReadStream(ctx, r.Stream(), after, 500)
		if err != nil || len(events) == 0 {
			return out, err
		}
		for _, e := range events {
			after = e.Position
			var f struct {
				Properties domain.Properties `json:"properties"`
				Shows      domain.Properties `json:"shows"`
				Clock      int64             `json:"clock"`
			}
			if e.Position > position || e.Erased || domain.Decode(e.Type, e.Schema, e.Data, &f) != nil {
				continue
			}
			for _, told := range []domain.Properties{f.Properties, f.Shows} {
				for name, v := range told {
					if f.Clock >= clocks[name] {
						out[name], clocks[name] = v, f.Clock
					}
				}
			}
		}
	}
}

func (t *fieldTest) record(s domain.System) domain.Record {
	for _, r := range t.act.Records {
		if r.System == s {
			return r
		}
	}
	return domain.Record{}
}

// back is the system in which the old value is put back: the other one where the field flows both ways, so that the way
// back is tested as well.
func (t *fieldTest) back(s settings.Settings) domain.System {
	if allows(s, t.field, t.act.From) {
		return t.act.From.Other()
	}
	return t.act.From
}
