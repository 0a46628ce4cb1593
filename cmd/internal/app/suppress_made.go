package app

import (
	"cmp"
	"context"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/erased"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// comingOf are the keyed hashes by which is recognised what comes of creates that may have been sent for somebody who is being
// erased: what they were sent with, and the outcomes of those that are left, which may be told yet, whatever state they are in
// by now. Their values can be read yet.
func (a *App) comingOf(ctx context.Context, s settings.Settings, removed, left []outbox.Entry) ([]string, error) {
	var doubt []*outbox.Entry
	for i := range removed {
		if removed[i].InDoubt() {
			doubt = append(doubt, &removed[i])
		}
	}
	told := len(doubt)
	for i := range left {
		if left[i].Kind == domain.KindCreate {
			doubt = append(doubt, &left[i])
		}
	}
	if len(doubt) == 0 {
		return nil, nil
	}
	wait, cancel := context.WithTimeout(ctx, screenWait) // whoever waits for us to be done may hold every other connection
	defer cancel()
	if _, err := outbox.Open(wait, a.Log.Vault(), doubt); err != nil {
		return nil, err
	}
	var keys []identity.Key
	for i, e := range doubt {
		keys = append(keys, sentWith(s, e)...)
		if i >= told {
			keys = append(keys, erased.Made(e.Command))
		}
	}
	return erased.NewHasher(a.Log.Vault()).Tokens(keys), nil
}

// recogniseComing adds them to those the person is recognised by, unless none are to be kept: who erased again whoever came
// back knows of no such wish.
func (a *App) recogniseComing(ctx context.Context, c *closure, how erasing) error {
	if how.ForgetIdentifiers && how.cause.IsZero() {
		return nil
	}
	tokens, err := a.comingOf(ctx, c.settings, c.withdrawn, nil)
	for _, t := range tokens {
		if !slices.Contains(c.tokens, t) {
			c.tokens = append(c.tokens, t)
		}
	}
	return err
}

// sentWith are the match keys that a create carries.
func sentWith(s settings.Settings, e *outbox.Entry) []identity.Key {
	props := domain.Properties{}
	for i := range s.Fields {
		at := s.Fields[i].Side(e.System)
		if v, ok := e.Payload.Values[at.Write]; ok {
			props[at.Read] = v
		}
	}
	keys := identity.Keys(s, domain.Record{System: e.System}, props)
	if e.Payload.Phone != "" {
		keys = append(keys, identity.Key{Kind: identity.KindPhone, Value: e.Payload.Phone})
	}
	return keys
}

// withdrawn are the outcomes of commands that were removed because their person was erased.
func (a *App) withdrawn(removed []outbox.Entry) ([]eventstore.NewEvent, error) {
	outcomes := make([]eventstore.NewEvent, len(removed))
	for i, r := range removed {
		var err error
		outcomes[i], err = outbox.Outcome(a.Log.Vault(), r.Row, domain.Outcome{
			Result: domain.ResultWithdrawn, Reason: domain.ReasonErased, Attempts: r.Attempts,
		}, a.NewID())
		if err != nil {
			return nil, err
		}
		outcomes[i].Subject = eventstore.SubjectLog // it holds no value, and the record's key is gone
	}
	return outcomes, nil
}

// madeFor is the record that a create made for the person, as its outcome says, if it is another than those known.
func (c *closure) madeFor(e eventstore.Event) []domain.Record {
	var o domain.Outcome
	if e.Type != domain.CommandSettled || e.Erased || domain.Decode(e.Type, e.Schema, e.Data, &o) != nil ||
		!o.Made() || !slices.Contains(c.ids, o.Contact) {
		return nil
	}
	r := cmp.Or(o.Record, o.Existing)
	if r.IsZero() || slices.Contains(c.records, r) {
		return nil
	}
	return []domain.Record{r}
}
