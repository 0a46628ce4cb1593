package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/seal"
	"github.com/duolog/duolog/eventstore/treehead"
)

func (a *App) newSealer() (*seal.Sealer, error) {
	return seal.New(seal.Config{
		DB: a.Store, Log: a.Log, Clock: a.now, Logger: a.Logger,
		Announce: func(ctx context.Context, public string) error {
			return a.nameKey(ctx, public)
		},
		Keep: a.keepHead,
	})
}

// nameKey puts the key that signs the log's heads into the log itself, once.
func (a *App) nameKey(ctx context.Context, public string) error {
	e, err := a.act(domain.KeyRotated, streamConnection, domain.Act{
		Reason: "signs the heads of this log from here on", Name: "head", Key: public,
	}, duolog)
	if err != nil {
		return err
	}
	_, err = a.append(ctx, once(e, a.Log.Vault().Blind("head key", public)))
	return err
}

// Seal signs a head over everything appended so far.
func (a *App) Seal(ctx context.Context) (seal.Signed, error) { return a.sealer.Seal(ctx) }

// PublishHead signs a head over everything there is, and says in the log who holds it from here on.
func (a *App) PublishHead(ctx context.Context, to string, by httpapi.By) (seal.Signed, error) {
	head, err := a.Seal(ctx)
	if err != nil {
		return head, err
	}
	_, err = a.Act(ctx, domain.ExportMade, domain.Act{
		Reason: by.Reason, Name: domain.ExportedHead, Export: &domain.Export{Head: head.Size, To: to},
	}, by)
	if errors.Is(err, eventstore.ErrClosed) {
		return head, nil // nothing is added to a log that was moved, and its last head is worth holding
	}
	return head, err
}

// PublicKey is what this log's heads are checked with.
func (a *App) PublicKey() string { return a.sealer.Public() }

// Heads lists the latest signed heads, the latest first.
func (a *App) Heads(ctx context.Context, limit int) ([]seal.Signed, error) {
	return seal.List(ctx, a.Store, a.Connection, limit)
}

// VerifyOptions say what a log is held against besides itself.
type VerifyOptions struct {
	// Key is the public key somebody kept; empty: the one of this log.
	Key string
	// Held are signed heads somebody kept.
	Held     []string
	Progress func(done, total int64)
}

// Verify checks the whole log.
func (a *App) Verify(ctx context.Context, o VerifyOptions) (eventstore.Report, error) {
	if o.Key == "" {
		o.Key = a.PublicKey()
	}
	verifier, err := treehead.Verifier(o.Key)
	if err != nil {
		return eventstore.Report{}, fmt.Errorf("%w: %w", httpapi.ErrBadInput, err)
	}
	return eventstore.Check{
		DB: a.Store, Connection: a.Connection, Master: a.key, Verifiers: []note.Verifier{verifier},
		Held: o.Held, Progress: o.Progress,
	}.Run(ctx)
}

// Head returns the latest signed head, as the API shows it.
func (a *App) Head(ctx context.Context) (httpapi.SignedHead, error) {
	heads, err := a.Heads(ctx, 1)
	if err != nil {
		return httpapi.SignedHead{}, err
	}
	if len(heads) == 0 {
		return httpapi.SignedHead{}, fmt.Errorf("%w: no head of this log was signed yet; one is within a minute of its first event",
			httpapi.ErrNotFound)
	}
	return a.shownHead(heads[0]), nil
}

func (a *App) shownHead(s seal.Signed) httpapi.SignedHead {
	return httpapi.SignedHead{
		LogID: s.LogID.String(), Generation: s.Generation, Size: s.Size, Root: s.Root.String(),
		SignedAt: time.UnixMicro(s.At).UTC(), Note: s.Note, Key: a.PublicKey(),
	}
}

// Proof returns what shows that the latest signed head speaks for the event at a position.
func (a *App) Proof(ctx context.Context, position int64) (httpapi.Inclusion, error) {
	head, err := a.Head(ctx)
	if err != nil {
		return httpapi.Inclusion{}, err
	}
	if position > head.Size {
		return httpapi.Inclusion{}, fmt.Errorf("%w: event %d is not sealed yet: the last head speaks for %d; one is signed each minute",
			httpapi.ErrNotFound, position, head.Size)
	}
	events, err := a.Log.Get(ctx, position)
	if err != nil {
		return httpapi.Inclusion{}, err
	}
	if len(events) == 0 {
		return httpapi.Inclusion{}, fmt.Errorf("%w: event %d is missing; duolog verify says more", httpapi.ErrNotFound, position)
	}
	proof, err := seal.NewTree(a.Store, a.Connection).Prove(ctx, head.Size, position)
	if err != nil {
		return httpapi.Inclusion{}, err
	}
	return httpapi.Inclusion{
		Position: position, ID: events[0].ID.String(), RecordedAt: events[0].RecordedAt, Hash: events[0].Hash[:],
		Proof: hashTexts(proof), Head: head,
	}, nil
}

func hashTexts[H fmt.Stringer](hashes []H) []string {
	texts := make([]string, len(hashes))
	for i, h := range hashes {
		texts[i] = h.String()
	}
	return texts
}
