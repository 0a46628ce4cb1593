// Package seal makes a log tamper-evident: a Sealer folds its events into a Merkle tree and signs heads of it, which
// others hold. It follows the log as a reader does and never stands in the way of an append. What it writes is the
// same whoever writes it, so any number of processes may seal one log at once: the first wins, the others go on from
// there. A process that ends between the hashes and the head leaves a tree the next one goes on with.
package seal

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/treehead"
)

// Config of a Sealer; DB and Log are required.
type Config struct {
	DB  eventstore.DB
	Log eventstore.Log
	// Every is the pause between two heads. Default one minute.
	Every time.Duration
	// Clock tells when a head was signed. Default time.Now.
	Clock func() time.Time
	// Announce is called before the first head of a log is signed, with the public key: so that the log names it.
	Announce func(ctx context.Context, public string) error
	// Keep, when set, is handed each head that was signed. What fails is told, and tried again with the next.
	Keep   func(Signed) error
	Logger *slog.Logger
}

// Sealer seals one connection's log.
type Sealer struct {
	Config
	key treehead.Key

	mu   sync.Mutex
	tree *Tree
	grow *growth // nil: to be read
}

// growth is a tree as far as it must be known to grow it.
type growth struct {
	size  int64
	first int64 // number of the next hash
	edge  map[int64]tlog.Hash
}

// keyUse names the secret the signing key is made of; it follows the connection's secret, which the master key seals.
const keyUse = "tree head key 1"

// New returns a sealer.
func New(c Config) (*Sealer, error) {
	if c.Every == 0 {
		c.Every = time.Minute
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	key, err := treehead.NewKey(c.Log.Connection(), c.Log.Vault().Secret(keyUse))
	if err != nil {
		return nil, fmt.Errorf("sealer: %w", err)
	}
	return &Sealer{Config: c, key: key, tree: NewTree(c.DB, c.Log.Connection())}, nil
}

// Public is the key that heads are checked with.
func (s *Sealer) Public() string { return s.key.Public() }

// Sign signs a text with the key of the heads.
func (s *Sealer) Sign(text string) (string, error) {
	signed, err := note.Sign(&note.Note{Text: text}, s.key)
	return string(signed), err
}

// Run seals until ctx ends: at once, then as often as configured while there is anything new. What fails is tried
// again at the next turn.
func (s *Sealer) Run(ctx context.Context) error {
	turn := time.NewTicker(s.Every)
	defer turn.Stop()
	for {
		if _, err := s.Seal(ctx); err != nil && ctx.Err() == nil {
			s.Logger.LogAttrs(ctx, slog.LevelWarn, "the log could not be sealed; it will be tried again",
				slog.String("error", err.Error()))
		}
		select {
		case <-turn.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Seal folds in what was appended since, and returns a signed head over all of it: a new one, or the last one when
// nothing is new. An empty log has none.
func (s *Sealer) Seal(ctx context.Context) (Signed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	head, err := s.seal(ctx)
	if err != nil {
		return Signed{}, fmt.Errorf("seal %s: %w", s.Log.Connection(), err)
	}
	if s.Keep != nil && head.Size > 0 {
		if err := s.Keep(head); err != nil {
			s.Logger.LogAttrs(ctx, slog.LevelWarn, "the head of the log is in its database alone", slog.String("error", err.Error()))
		}
	}
	return head, nil
}

func (s *Sealer) seal(ctx context.Context) (Signed, error) {
	if err := s.announce(ctx); err != nil {
		return Signed{}, err
	}
	head, err := s.Log.Head(ctx)
	if err != nil {
		return Signed{}, err
	}
	size, err := s.fold(ctx, head.Position)
	if err != nil || size == 0 {
		return Signed{}, err
	}
	return s.sign(ctx, head, size)
}

// announce has the log name the key before it is first used.
func (s *Sealer) announce(ctx context.Context) error {
	if s.Announce == nil {
		return nil
	}
	heads, err := List(ctx, s.DB, s.Log.Connection(), 1)
	if err != nil || len(heads) > 0 {
		return err
	}
	return s.Announce(ctx, s.Public())
}

// sign returns the head of the size, making it when there is none.
func (s *Sealer) sign(ctx context.Context, log eventstore.Head, size int64) (Signed, error) {
	there, found, err := at(ctx, s.DB, s.Log.Connection(), size, log.Generation)
	if err != nil || found {
		return there, err
	}
	root, err := s.tree.Root(ctx, size)
	if err != nil {
		return Signed{}, err
	}
	h := treehead.Head{
		LogID: log.LogID, Generation: log.Generation, Connection: s.Log.Connection(), Size: size, Root: root,
		At: s.Clock().UnixMicro(),
	}
	text, err := h.Sign(s.key)
	if err != nil {
		return Signed{}, err
	}
	_, err = s.DB.Exec(ctx, "INSERT INTO tree_head (connection, size, generation, note) VALUES ($1, $2, $3, $4)",
		h.Connection, h.Size, h.Generation, text)
	if err == nil {
		return Signed{h, text}, nil
	}
	if there, found, lookErr := at(ctx, s.DB, h.Connection, size, h.Generation); lookErr == nil && found {
		return there, nil // somebody was faster
	}
	return Signed{}, fmt.Errorf("store head: %w", err)
}
