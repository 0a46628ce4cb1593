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
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// MasterKey wraps the keys of subjects and the secrets of connections. It prints as its id, never as itself. While it is
// rotated, and only then, it opens as well what the one before wrapped. Copies of it are one and the same.
type MasterKey struct{ ring *ring }

// ring is what a key file holds: the first key wraps, every one unwraps.
type ring struct {
	path string // empty: of no file

	mu      sync.Mutex
	keys    [][32]byte
	ciphers []cipher.AEAD // of the keys; nil until they are asked for
}

// NewMasterKey makes a random key.
func NewMasterKey() MasterKey {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return MasterKey{&ring{keys: [][32]byte{key}}}
}

// LoadMasterKey reads a key file: 64 hexadecimal digits.
func LoadMasterKey(path string) (MasterKey, error) {
	keys, err := readKeys(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("read master key: %w", err)
	}
	return MasterKey{&ring{path: path, keys: keys}}, nil
}

// readKeys reads the key in force, and before it the one that takes its place when there is one. That one is read first:
// when a rotation ends meanwhile it is found under its new name, and never the old key alone, which must not wrap any more.
func readKeys(path string) ([][32]byte, error) {
	next, err := readKey(path + nextKey)
	rotating := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, err := readKey(path)
	if err != nil {
		return nil, err
	}
	if rotating && next != key {
		return [][32]byte{next, key}, nil
	}
	return [][32]byte{key}, nil
}

func readKey(path string) (key [32]byte, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return key, err
	}
	trimmed := strings.TrimSpace(string(text))
	if len(trimmed) != hex.EncodedLen(len(key)) {
		return key, fmt.Errorf("%s: want %d hexadecimal digits, found %d characters", path, hex.EncodedLen(len(key)), len(trimmed))
	}
	if _, err := hex.Decode(key[:], []byte(trimmed)); err != nil {
		// The error of hex names the offending byte, which is part of the key.
		return key, fmt.Errorf("%s: not hexadecimal", path)
	}
	return key, nil
}

// CreateMasterKey makes a random key and writes it to a new file with mode 0600. A file that is there is left alone:
// the error then wraps fs.ErrExist.
func CreateMasterKey(path string) (MasterKey, error) {
	m := NewMasterKey()
	if err := m.Save(path); err != nil {
		return MasterKey{}, fmt.Errorf("create master key: %w", err)
	}
	m.ring.path = path
	return m, nil
}

// Save writes the key to a new file with mode 0600. A file that is there is left alone: the error then wraps fs.ErrExist.
func (m MasterKey) Save(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	key := m.current()
	return writeNew(path, []byte(hex.EncodeToString(key[:])+"\n"))
}

// writeNew makes the file appear whole or not at all, and for good before anything is wrapped by what is in it: a key
// that is cut short by a crash, or gone after one, would lock the log for ever.
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
	if err := os.Link(temp.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// IsZero tells whether there is no key.
func (m MasterKey) IsZero() bool { return m.ring == nil }

// ID names the key without giving it away: the first 8 bytes of its SHA-256, in hexadecimal.
func (m MasterKey) ID() string { return idOf(m.current()) }

func idOf(key [32]byte) string {
	sum := sha256.Sum256(key[:])
	return hex.EncodeToString(sum[:8])
}

// current is the key that wraps.
func (m MasterKey) current() (key [32]byte) {
	if keys := m.all(); len(keys) > 0 {
		key = keys[0]
	}
	return key
}

func (m MasterKey) all() [][32]byte {
	if m.IsZero() {
		return nil
	}
	m.ring.mu.Lock()
	defer m.ring.mu.Unlock()
	return m.ring.keys
}

// Reload reads the file again: another process may be rotating the key. It reports whether the file holds other keys.
func (m MasterKey) Reload() bool {
	if m.IsZero() || m.ring.path == "" {
		return false
	}
	keys, err := readKeys(m.ring.path)
	if err != nil {
		return false // what is known goes on being good
	}
	m.ring.mu.Lock()
	defer m.ring.mu.Unlock()
	changed := !slices.Equal(keys, m.ring.keys)
	m.ring.keys, m.ring.ciphers = keys, nil
	return changed
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

// Wrap seals a secret (AES-256-GCM, random nonce in front), bound to what it is for, and names the key it did so with.
func (m MasterKey) Wrap(purpose string, secret []byte) (id string, wrapped []byte) {
	key := m.current()
	aead := aeadOf(key)
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(secret)+aead.Overhead())
	_, _ = rand.Read(nonce)
	return idOf(key), aead.Seal(nonce, nonce, secret, []byte(purpose))
}

// Unwrap reverses Wrap; ErrMasterKey when another key wrapped it, or for another purpose.
// One that was put aside is tried last: a process that stood still while it was replaced may have wrapped by it since.
func (m MasterKey) Unwrap(purpose string, wrapped []byte) ([]byte, error) {
	for {
		if secret, ok := unwrap(m.ciphers(), purpose, wrapped); ok {
			return secret, nil
		}
		if m.Reload() {
			continue
		}
		if secret, ok := unwrap(ciphersOf(m.aside()), purpose, wrapped); ok {
			return secret, nil
		}
		return nil, fmt.Errorf("unwrap %s: %w", purpose, ErrMasterKey)
	}
}

func unwrap(ciphers []cipher.AEAD, purpose string, wrapped []byte) ([]byte, bool) {
	for _, aead := range ciphers {
		if len(wrapped) < aead.NonceSize() {
			return nil, false
		}
		secret, err := aead.Open(nil, wrapped[:aead.NonceSize()], wrapped[aead.NonceSize():], []byte(purpose))
		if err == nil {
			return secret, true
		}
	}
	return nil, false
}

// ciphers are those of all the keys. They are kept: a log has a wrapped key for each of its subjects.
func (m MasterKey) ciphers() []cipher.AEAD {
	if m.IsZero() {
		return nil
	}
	m.ring.mu.Lock()
	defer m.ring.mu.Unlock()
	if m.ring.ciphers == nil {
		m.ring.ciphers = ciphersOf(m.ring.keys)
	}
	return m.ring.ciphers
}

func ciphersOf(keys [][32]byte) (all []cipher.AEAD) {
	for _, key := range keys {
		all = append(all, aeadOf(key))
	}
	return all
}

func aeadOf(key [32]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key is always 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES always has 16-byte blocks
	}
	return aead
}
