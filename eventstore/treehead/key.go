package treehead

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key signs the heads of a connection's log.
type Key struct {
	note.Signer
	public string
}

// algEd25519 is the kind of key in a note's key text.
const algEd25519 = 1

// NewKey makes the key of a connection from a secret of 32 bytes: the same secret always gives the same key.
func NewKey(connection string, secret []byte) (Key, error) {
	name := "duolog-" + connection
	public, ok := ed25519.NewKeyFromSeed(secret).Public().(ed25519.PublicKey)
	if !ok {
		return Key{}, fmt.Errorf("key %s: no public half", name)
	}
	verifier, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		return Key{}, fmt.Errorf("key %s: %w", name, err)
	}
	hash := strings.Split(verifier, "+")[1]
	private := base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, secret...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + private)
	if err != nil {
		return Key{}, fmt.Errorf("key %s: not a key", name) // the error of note might quote it
	}
	return Key{signer, verifier}, nil
}

// Public is what others check signatures with: name, number and key, in one word.
func (k Key) Public() string { return k.public }

// ID names a public key in a few characters: "duolog-default+5a1e2c03".
func ID(v note.Verifier) string { return fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash()) }

// Verifier reads a public key.
func Verifier(public string) (note.Verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(public))
	if err != nil {
		return nil, fmt.Errorf("public key: want name+number+key, as duolog heads list prints it: %w", err)
	}
	return v, nil
}
