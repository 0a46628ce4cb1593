package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/envelope"
)

// stamp names the state of a vault that something was sealed under. When the vault's has moved on, the sealing may
// have used a key that is gone, and is done again.
type stamp struct{ generation, epoch int64 }

// subjectKey is a subject's key, or the knowledge that it was destroyed.
type subjectKey struct {
	key    envelope.Key
	erased bool
	since  int64 // position up to which events were sealed under a key that was destroyed
}

// digest stands for a subject where many are held: the garbage collector finds nothing to follow in it.
type digest [16]byte

func digestOf(subject string) digest {
	sum := sha256.Sum256([]byte(subject))
	return digest(sum[:16])
}

// pendingKey is a key that is in memory only. The append that it seals stores it; when it sealed a row, whatever
// transaction commits next on this store.
type pendingKey struct {
	row     KeyRow
	key     envelope.Key
	stalled int64 // the transaction that kept it from being stored at once, if one did
}

// vault implements eventstore.Vault for one connection.
type vault struct {
	store      *Store
	connection string
	secret     []byte
	blindKey   [32]byte

	mu      sync.Mutex
	known   *cache[digest, subjectKey]
	pending map[string]pendingKey
	at      stamp
	looked  time.Time // when the epoch was last heard of
}

func newVault(s *Store, connection string, secret []byte, epoch int64) *vault {
	return &vault{
		store: s, connection: connection, secret: secret, blindKey: [32]byte(envelope.Derive(secret, "blind")),
		known:   newCache[digest, subjectKey](s.opts.KeyCache),
		pending: map[string]pendingKey{}, at: stamp{epoch: epoch},
	}
}

// Prefetch loads and makes keys.
func (v *vault) Prefetch(ctx context.Context, subjects ...string) error {
	for _, subject := range subjects {
		if err := envelope.ValidateText(subject); err != nil {
			return fmt.Errorf("%w in subject", err)
		}
	}
	_, err := v.keys(ctx, subjects, makeNow)
	return err
}

// Seal encrypts for a subject.
func (v *vault) Seal(ctx context.Context, subject, purpose string, plain []byte) ([]byte, error) {
	if err := envelope.ValidateText(subject); err != nil {
		return nil, fmt.Errorf("%w in subject", err)
	}
	key, err := v.one(ctx, subject, makeNow)
	if err != nil {
		return nil, err
	}
	return key.SealRow(subject, purpose, plain), nil
}

// Open reverses Seal.
func (v *vault) Open(ctx context.Context, subject, purpose string, sealed []byte) ([]byte, error) {
	keys, err := v.keys(ctx, []string{subject}, readOnly)
	if err != nil {
		return nil, err
	}
	key, err := usable(subject, keys)
	if err != nil {
		return nil, err
	}
	plain, err := key.OpenRow(subject, purpose, sealed)
	switch {
	case err != nil && keys[subject].since > 0: // sealed under the key it had before
		return nil, fmt.Errorf("%s of subject %s: %w", purpose, subject, eventstore.ErrErased)
	case err != nil:
		return nil, fmt.Errorf("open %s of %s: %w", purpose, subject, err)
	}
	return plain, nil
}

// EventKeys returns the keys of single events.
func (v *vault) EventKeys(ctx context.Context, events ...eventstore.EventID) ([][]byte, error) {
	subjects := make([]string, len(events))
	for i, e := range events {
		subjects[i] = e.Subject
	}
	keys, err := v.keys(ctx, subjects, readOnly)
	if err != nil {
		return nil, err
	}
	found := make([][]byte, len(events))
	for i, e := range events {
		key, err := usable(e.Subject, keys)
		if errors.Is(err, eventstore.ErrErased) || err == nil && e.Position <= keys[e.Subject].since {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.ID, err)
		}
		one := key.EventKey(e.ID)
		found[i] = one[:]
	}
	return found, nil
}

// Blind makes a token by which a value is found again.
func (v *vault) Blind(kind, value string) []byte { return envelope.Blind(&v.blindKey, kind, value) }

// Secret derives a secret of the connection.
func (v *vault) Secret(name string) []byte { return envelope.Derive(v.secret, "use:"+name) }

func (v *vault) one(ctx context.Context, subject string, missing policy) (envelope.Key, error) {
	if k, ok := v.held(subject); ok && !k.erased {
		return k.key, nil
	}
	keys, err := v.keys(ctx, []string{subject}, missing)
	if err != nil {
		return envelope.Key{}, err
	}
	return usable(subject, keys)
}

// held returns a key that is in memory and stored.
func (v *vault) held(subject string) (subjectKey, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, pending := v.pending[subject]; pending {
		return subjectKey{}, false
	}
	return v.known.get(digestOf(subject))
}

func usable(subject string, keys map[string]subjectKey) (envelope.Key, error) {
	found, ok := keys[subject]
	switch {
	case !ok:
		return envelope.Key{}, errNoKey(subject)
	case found.erased:
		return envelope.Key{}, fmt.Errorf("subject %s: %w", subject, eventstore.ErrErased)
	}
	return found.key, nil
}

func errNoKey(subject string) error { return fmt.Errorf("subject %s has no key", subject) }

// stamp tells under what state keys taken from now on are valid.
func (v *vault) stamp() stamp {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.at
}

// sawEpoch forgets all keys when one may have been destroyed, or wrapped anew, since they were read.
func (v *vault) sawEpoch(epoch int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.looked = v.store.opts.Clock()
	if epoch > v.at.epoch {
		v.store.opts.MasterKey.Reload()
		v.at.epoch = epoch
		v.at.generation++
		v.known.clear()
	}
}

// fresh looks at the epoch when nothing was heard of it for a poll's interval: a process that only reads would open for
// ever what it holds keys of.
func (v *vault) fresh(ctx context.Context) error {
	now := v.store.opts.Clock()
	v.mu.Lock()
	age := now.Sub(v.looked)
	due := age < 0 || age >= v.store.opts.PollInterval
	if due {
		v.looked = now // one look is enough for all who read meanwhile
	}
	v.mu.Unlock()
	if !due {
		return nil
	}
	head, _, _, err := v.store.readHead(ctx, v.connection)
	if err != nil {
		return fmt.Errorf("read the key epoch of %s: %w", v.connection, err)
	}
	v.sawEpoch(head.KeyEpoch)
	return nil
}
