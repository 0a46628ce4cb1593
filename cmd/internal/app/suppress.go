package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

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
	ctx, cancel := context.WithTimeout(ctx, screenWait)
	defer cancel()
	p, err := s.app.privacy(ctx)
	if err != nil {
		return err
	}
	for _, f := range found {
		spared, err := s.spares(ctx, &p, f)
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
	tokens, err := erased.Tokens(ctx, s.app.Store, s.app.Log.Connection())
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

// spares reports whether a record that shows an identifier of an erased person is somebody all the same: it was let in since,
// its contact is on hold, or it was found by a number alone and the contact has an email.
func (s *screen) spares(ctx context.Context, p *privacy, r recognised) (bool, error) {
	phone := r.key.Kind == identity.KindPhone
	if in, err := s.app.letIn(ctx, p, r); in || err != nil || !phone && len(p.holds) == 0 {
		return in, err
	}
	found, err := s.app.Contacts.Find(ctx, r.record.String())
	if err != nil || len(found) == 0 {
		return false, err
	}
	if phone {
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
