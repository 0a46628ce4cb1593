package httpapi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// TokenStream is where tokens are made and revoked. The log is the only place they are stored in, as SHA-256.
const TokenStream = "tokens"

const (
	refreshEvery = 2 * time.Second        // bounds how long another process's revocation may go unnoticed
	missedEvery  = 200 * time.Millisecond // and how often an unknown token may have the log read
)

// Tokens is the Authorizer of a log: the tokens its acts made, besides the static ones.
type Tokens struct {
	Log    eventstore.Log
	Static *Static
	Clock  func() time.Time

	mu    sync.Mutex
	at    int64
	read  time.Time
	known map[ulid.ULID]domain.Token
}

// NewToken returns a token of 256 random bits, to be shown once, and what is stored of it.
func NewToken(id ulid.ULID, name string, role Role, data string, expires time.Time) (string, domain.Token, error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", domain.Token{}, fmt.Errorf("make a token: %w", err)
	}
	text := "duo_" + base64.RawURLEncoding.EncodeToString(secret[:])
	sum := sha256.Sum256([]byte(text))
	t := domain.Token{ID: id, Name: name, Role: string(role), Data: data, Hash: hex.EncodeToString(sum[:])}
	if !expires.IsZero() {
		t.Expires = expires.UnixMicro()
	}
	return text, t, nil
}

// Identify knows the holder of a token that is neither revoked nor expired. While the log cannot be read, what was
// read last counts.
func (t *Tokens) Identify(ctx context.Context, token string) (Identity, bool) {
	if who, ok := t.Static.Identify(ctx, token); ok {
		return who, true
	}
	if who, ok := t.holder(ctx, token, refreshEvery); ok {
		return who, true
	}
	return t.holder(ctx, token, missedEvery) // it may have been made just now
}

func (t *Tokens) holder(ctx context.Context, token string, age time.Duration) (Identity, bool) {
	known, _ := t.list(ctx, age)
	var hashes Static
	for _, k := range known {
		if sum, err := hex.DecodeString(k.Hash); err == nil && len(sum) == sha256.Size && t.live(k) {
			hashes.tokens = append(hashes.tokens, hashed{[sha256.Size]byte(sum), Identity{
				Name: k.ID.String(), Role: Role(k.Role), Data: k.Data, Connections: []string{t.Log.Connection()},
			}})
		}
	}
	return hashes.Identify(ctx, token)
}

func (t *Tokens) live(k domain.Token) bool {
	return k.Expires == 0 || t.Clock().UnixMicro() < k.Expires
}

// List returns the tokens that were not revoked, oldest first; those that expired are among them.
func (t *Tokens) List(ctx context.Context) ([]domain.Token, error) { return t.list(ctx, 0) }

func (t *Tokens) list(ctx context.Context, age time.Duration) ([]domain.Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.refresh(ctx, age)
	return slices.SortedFunc(maps.Values(t.known), func(a, b domain.Token) int { return a.ID.Compare(b.ID) }), err
}

// refresh reads what is new, unless the log was read less than age ago.
func (t *Tokens) refresh(ctx context.Context, age time.Duration) error {
	if now := t.Clock(); t.known != nil && now.Sub(t.read) < age {
		return nil
	}
	for {
		events, err := t.Log.ReadStream(ctx, TokenStream, t.at, pageSize)
		if err != nil {
			return fmt.Errorf("read tokens: %w", err)
		}
		if t.known == nil {
			t.known = map[ulid.ULID]domain.Token{}
		}
		for _, e := range events {
			t.at = e.Position
			var a domain.Act
			if domain.Decode(e.Type, e.Schema, e.Data, &a) != nil || a.Token == nil {
				continue
			}
			delete(t.known, a.Token.ID)
			if e.Type == domain.TokenCreated {
				t.known[a.Token.ID] = *a.Token
			}
		}
		if len(events) < pageSize {
			t.read = t.Clock()
			return nil
		}
	}
}
