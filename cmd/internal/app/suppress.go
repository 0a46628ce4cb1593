package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/erased"
)

// screen keeps people who were erased from coming back under another id. As long as nobody is to be recognised it costs a
// look at what is in memory.
type screen struct {
	app    *App
	hasher erased.Hasher

	mu     sync.Mutex
	epoch  int64                // under which it was looked who is to be recognised; -1: never
	tokens map[string]ulid.ULID // by which, and since which erasure
	finder identity.Finder
	made   time.Time // the finder, of the settings in force
}

// finderAge is how long settings count here after others are in force.
const finderAge = 10 * time.Second

func newScreen(a *App) *screen {
	return &screen{app: a, hasher: erased.NewHasher(a.Log.Vault()), epoch: -1}
}

// look refuses events that show somebody who was erased, unless the person is on hold.
func (s *screen) look(ctx context.Context, epoch int64, events []eventstore.NewEvent) error {
	tokens, err := s.watches(ctx, epoch)
	if err != nil || len(tokens) == 0 {
		return err
	}
	found, err := s.find(ctx, tokens, events...)
	if err != nil || len(found) == 0 {
		return err
	}
	p, err := s.app.privacy(ctx)
	if err != nil {
		return err
	}
	for _, f := range found {
		spared, err := s.spares(ctx, &p, f.record, f.key)
		if err != nil {
			return err
		}
		if !spared {
			return fmt.Errorf("%s shows an identifier of a person who was erased: %w", f.record, eventstore.ErrErased)
		}
	}
	return nil
}

// screenWait is how long an append, which holds a connection of the database, waits for another one.
const screenWait = 2 * time.Second

// watches returns by what anybody is to be recognised. Whoever begins or ends that raises the key epoch.
func (s *screen) watches(ctx context.Context, epoch int64) (map[string]ulid.ULID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch == epoch {
		return s.tokens, nil
	}
	ctx, cancel := context.WithTimeout(ctx, screenWait)
	defer cancel()
	tokens, err := erased.Tokens(ctx, s.app.Store, s.app.Connection)
	if err == nil {
		s.epoch, s.tokens = epoch, tokens
	}
	return tokens, err
}

// recognised is a record that shows an identifier of a person who was erased.
type recognised struct {
	record  domain.Record
	key     identity.Key
	erasure ulid.ULID
}

// find looks who of the erased the events show.
func (s *screen) find(ctx context.Context, there map[string]ulid.ULID, events ...eventstore.NewEvent) ([]recognised, error) {
	finder, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	var found []recognised
	for _, e := range events {
		r, keys := erased.Shown(finder, e)
		for _, k := range keys {
			if id, ok := there[s.hasher.Token(k)]; ok {
				found = append(found, recognised{record: r, key: k, erasure: id})
			}
		}
	}
	return found, nil
}

func (s *screen) keys(ctx context.Context) (identity.Finder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.made.IsZero() && time.Since(s.made) < finderAge {
		return s.finder, nil
	}
	ctx, cancel := context.WithTimeout(ctx, screenWait)
	defer cancel()
	set, err := s.app.settingsInForce(ctx)
	if err == nil {
		s.finder, s.made = identity.NewFinder(set), time.Now()
	}
	return s.finder, err
}

// spares reports whether a record that shows an identifier of an erased person is somebody all the same: its contact is on
// hold, or it was found by a number alone and the contact has an email.
func (s *screen) spares(ctx context.Context, p *privacy, r domain.Record, by identity.Key) (bool, error) {
	if by.Kind == identity.KindEmail && len(p.holds) == 0 {
		return false, nil
	}
	found, err := s.app.Contacts.Find(ctx, r.String())
	if err != nil || len(found) == 0 {
		return false, err
	}
	if by.Kind == identity.KindPhone {
		finder, err := s.keys(ctx)
		if err != nil || hasEmail(finder, found[0]) {
			return err == nil, err
		}
	}
	ids, err := s.app.idsOf(ctx, found[0].ID)
	_, held := p.held(ids)
	return held, err
}

func hasEmail(f identity.Finder, c contacts.Contact) bool {
	return slices.ContainsFunc(c.Records, func(r contacts.Record) bool {
		keys := f.Keys(domain.Record{System: r.System, ID: r.ID}, func(name string) json.RawMessage { return r.Values[name].Value })
		return slices.ContainsFunc(keys, func(k identity.Key) bool { return k.Kind == identity.KindEmail })
	})
}

// JoinErasure has the record that a refused event shows join the erasure of the person it is, and reports whether that was
// why it was refused: from then on it is suppressed like the others. The record alone is erased here and now; what else has
// become the person's meanwhile is taken by remainder.
func (a *App) JoinErasure(ctx context.Context, e eventstore.NewEvent) (joined bool, err error) {
	err = again(func() error {
		joined, err = a.joinOnce(ctx, e)
		return err
	})
	return joined, err
}

func (a *App) joinOnce(ctx context.Context, e eventstore.NewEvent) (bool, error) {
	if a.screen == nil {
		return false, nil // an App that was not opened looks nobody up, so that was not why
	}
	if _, err := a.Log.Head(ctx); err != nil { // so that what refused it hears of those another process has let in
		return false, err
	}
	tokens, err := erased.Tokens(ctx, a.Store, a.Connection)
	if err != nil {
		return false, err
	}
	found, err := a.screen.find(ctx, tokens, e)
	if err != nil || len(found) == 0 {
		return false, err
	}
	if found[0].key.Kind == identity.KindPhone { // a number counts for nobody who has an email
		if err := a.CatchUp(ctx); err != nil {
			return false, err
		}
	}
	p, err := a.privacy(ctx)
	if err != nil {
		return false, err
	}
	f := found[0]
	if spared, err := a.screen.spares(ctx, &p, f.record, f.key); spared || err != nil {
		return false, err
	}
	if p.gone(f.record) {
		return true, nil
	}
	payload := domain.Act{Records: []domain.Record{f.record}, Cause: f.erasure}
	payload.Reason = fmt.Sprintf("it shows the %s of a person who was erased", f.key.Kind)
	act, err := a.act(domain.SubjectErased, domain.StreamPrivacy, payload, duolog)
	if err != nil {
		return false, err
	}
	act.ExpectLast, act.Causation = &p.last, p.at(f.erasure)
	return true, a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := a.clearFound(ctx, tx, []string{f.record.Stream()}); err != nil {
			return err
		}
		_, err := tx.Erase(ctx, a.Log, []string{f.record.Stream()}, act)
		return err
	})
}

// storeRefused stores an event that was refused because its person was erased.
func (a *App) storeRefused(ctx context.Context, e *eventstore.NewEvent, store func(eventstore.NewEvent) error) error {
	return ingest.StoreRefused(ctx, a.Log.Vault(), e, a.JoinErasure, store)
}

// gone reports whether a record is erased, as far as the acts say.
func (p *privacy) gone(r domain.Record) (gone bool) {
	for _, e := range p.erasures {
		if slices.Contains(e.Streams, r.Stream()) {
			gone = !e.Lifted
		}
	}
	return gone
}

// at is the position of an erasure, 0 when it is not known.
func (p *privacy) at(erasure ulid.ULID) int64 {
	for _, e := range p.erasures {
		if e.Origin() == erasure {
			return e.Position
		}
	}
	return 0
}

// bound are the streams and the ids of all erasures that one of the streams is in, that one of those led to, or came of: one
// person's, under whatever ids.
func (p *privacy) bound(streams []string) (all []string, erasures []ulid.ULID) {
	all = slices.Clone(streams)
	for grown := true; grown; {
		grown = false
		for _, e := range p.erasures {
			ours := slices.ContainsFunc(e.Streams, func(s string) bool { return slices.Contains(all, s) }) ||
				slices.Contains(erasures, e.Origin()) || slices.Contains(erasures, e.Cause)
			if e.Lifted || !ours {
				continue
			}
			for _, s := range e.Streams {
				if !slices.Contains(all, s) {
					all, grown = append(all, s), true
				}
			}
			for _, id := range []ulid.ULID{e.Origin(), e.Cause} {
				if !id.IsZero() && !slices.Contains(erasures, id) {
					erasures, grown = append(erasures, id), true
				}
			}
		}
	}
	return all, erasures
}
