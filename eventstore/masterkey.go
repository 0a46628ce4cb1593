package eventstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// MasterKey wraps the keys of subjects and the secrets of connections. It prints as its id, never as itself.
type MasterKey struct {
	key  [32]byte
	aead cipher.AEAD // of key; nil when there is none
}

func masterKey(key [32]byte) MasterKey {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key is always 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES always has 16-byte blocks
	}
	return MasterKey{key: key, aead: aead}
}

// NewMasterKey makes a random key.
func NewMasterKey() MasterKey {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return masterKey(key)
}

// LoadMasterKey reads a key file: 64 hexadecimal digits.
func LoadMasterKey(path string) (MasterKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("read master key: %w", err)
	}
	var key [32]byte
	trimmed := strings.TrimSpace(string(text))
	if len(trimmed) != hex.EncodedLen(len(key)) {
		return MasterKey{}, fmt.Errorf("read master key %s: want %d hexadecimal digits, found %d characters",
			path, hex.EncodedLen(len(key)), len(trimmed))
	}
	if _, err := hex.Decode(key[:], []byte(trimmed)); err != nil {
		// The error of hex names the offending byte, which is part of the key.
		return MasterKey{}, fmt.Errorf("read master key %s: not hexadecimal", path)
	}
	return masterKey(key), nil
}

// CreateMasterKey makes a random key and writes it to a new file with mode 0600. A file that is there is left alone:
// the error then wraps fs.ErrExist.
func CreateMasterKey(path string) (MasterKey, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return MasterKey{}, fmt.Errorf("create master key: %w", err)
	}
	m := NewMasterKey()
	if err := writeNew(path, []byte(hex.EncodeToString(m.key[:])+"\n")); err != nil {
		return MasterKey{}, fmt.Errorf("create master key: %w", err)
	}
	return m, nil
}

// Save writes the key to a new file with mode 0600. A file that is there is left alone: the error then wraps fs.ErrExist.
func (m MasterKey) Save(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("save master key: %w", err)
	}
	if err := writeNew(path, []byte(hex.EncodeToString(m.key[:])+"\n")); err != nil {
		return fmt.Errorf("save master key: %w", err)
	}
	return nil
}

// writeNew makes the file appear whole or not at all: a key cut short by a crash would lock the log for ever.
func writeNew(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.Write(content)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err != nil {
		return err
	}
	return os.Link(temp.Name(), path)
}

// IsZero tells whether there is no key.
func (m MasterKey) IsZero() bool { return m.aead == nil }

// ID names the key without giving it away: the first 8 bytes of its SHA-256, in hexadecimal.
func (m MasterKey) ID() string {
	sum := sha256.Sum256(m.key[:])
	return hex.EncodeToString(sum[:8])
}

// String is for logs.
func (m MasterKey) String() string {
	if m.IsZero() {
		return "no master key"
	}
	return "master key " + m.ID()
}

// Format keeps every verb from printing the key; String alone would leave %d and %#v.
func (m MasterKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// SubjectPurpose binds a subject's wrapped key to its place.
func SubjectPurpose(connection, subject string) string {
	return "subject key\n" + connection + "\n" + subject
}

// SecretPurpose is SubjectPurpose for the secret of a connection.
func SecretPurpose(connection string) string { return "connection secret\n" + connection }

// Wrap seals a secret (AES-256-GCM, random nonce in front), bound to what it is for.
func (m MasterKey) Wrap(purpose string, secret []byte) []byte {
	nonce := make([]byte, m.aead.NonceSize(), m.aead.NonceSize()+len(secret)+m.aead.Overhead())
	_, _ = rand.Read(nonce)
	return m.aead.Seal(nonce, nonce, secret, []byte(purpose))
}

// Unwrap reverses Wrap; ErrMasterKey when another key wrapped it, or for another purpose.
func (m MasterKey) Unwrap(purpose string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < m.aead.NonceSize() {
		return nil, fmt.Errorf("unwrap %s: %w: too short", purpose, ErrMasterKey)
	}
	secret, err := m.aead.Open(nil, wrapped[:m.aead.NonceSize()], wrapped[m.aead.NonceSize():], []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("unwrap %s: %w", purpose, ErrMasterKey)
	}
	return secret, nil
}
