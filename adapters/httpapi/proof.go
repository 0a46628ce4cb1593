package httpapi

import (
	"context"
	"fmt"
	"time"
)

// Proofs show what the log holds to those who do not trust it.
type Proofs interface {
	// Head is the latest signed head; ErrNotFound while there is none.
	Head(ctx context.Context) (SignedHead, error)
	// Proof is the inclusion of an event in that head; ErrNotFound while the head does not speak for it.
	Proof(ctx context.Context, position int64) (Inclusion, error)
}

// SignedHead is a signed statement of what the log held.
type SignedHead struct {
	LogID      string    `json:"log_id"`
	Generation int64     `json:"generation" doc:"Raised by every restore"`
	Size       int64     `json:"size" doc:"Events it speaks for, from position 1 on"`
	Root       string    `json:"root" doc:"Root of the Merkle tree over them (RFC 6962), base64"`
	SignedAt   time.Time `json:"signed_at"`
	Note       string    `json:"note" doc:"The head and its signature: keep this, where nobody who runs Duolog can change it"`
	Key        string    `json:"key" doc:"The public key the signature is checked with"`
}

// Inclusion shows that a head speaks for an event.
type Inclusion struct {
	Position   int64      `json:"position"`
	ID         string     `json:"id"`
	RecordedAt int64      `json:"recorded_at" doc:"µs UTC"`
	Hash       []byte     `json:"hash" doc:"Of envelope, ciphertext and the digest of the event's key; with position and recorded_at, 8 bytes big-endian each, before it, it is the leaf"`
	Proof      []string   `json:"proof" doc:"RFC 6962 audit path, base64"`
	Head       SignedHead `json:"head"`
}

type proofInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Position   int64  `path:"position" minimum:"1"`
}

func (a *api) registerProof() {
	const at = "/v1/connections/{connection}/log"
	register(a, get("log-head", at+"/head", "The latest signed head of the log", "proof"), ReadFeed, a.logHead)
	register(a, get("log-proof", at+"/proof/{position}", "That the head speaks for an event", "proof"), ReadFeed, a.logProof)
}

func (a *api) proofs(connection string) (Proofs, error) {
	conn, err := a.connection(connection)
	if err == nil && conn.Proofs == nil {
		err = fmt.Errorf("%w: nothing is sealed here", ErrNotFound)
	}
	return conn.Proofs, err
}

func (a *api) logHead(ctx context.Context, in *connectionInput) (*body[SignedHead], error) {
	proofs, err := a.proofs(in.Connection)
	if err != nil {
		return nil, err
	}
	head, err := proofs.Head(ctx)
	return &body[SignedHead]{head}, err
}

func (a *api) logProof(ctx context.Context, in *proofInput) (*body[Inclusion], error) {
	proofs, err := a.proofs(in.Connection)
	if err != nil {
		return nil, err
	}
	proof, err := proofs.Proof(ctx, in.Position)
	return &body[Inclusion]{proof}, err
}
