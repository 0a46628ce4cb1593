package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

const nonceSize = 12

// errOpen says nothing of what was found: it goes into logs.
var errOpen = errors.New("sealed data does not fit its key and envelope")

// Key is what is kept of a subject's key: the extracted HKDF key, from which all others are expanded.
type Key struct{ prk [32]byte }

// NewKey takes a subject's key. HKDF-Extract without a salt is one HMAC under a key of zeros.
func NewKey(subjectKey []byte) Key {
	return Key{prk: macOver(append(make([]byte, macPad, 2*macPad), subjectKey...), new([32]byte))}
}

// expand derives a key; label and info keep the uses apart. For 32 bytes, HKDF-Expand is one HMAC.
func (k Key) expand(label string, info []byte) [32]byte {
	b := append(make([]byte, macPad, 256), label...)
	b = append(append(b, ':'), info...)
	return macOver(append(b, 1), &k.prk)
}

// EventKey is the key of one event.
func (k Key) EventKey(id ulid.ULID) [32]byte { return k.expand("event", id[:]) }

// Overhead is how many bytes longer sealed data is.
const Overhead = nonceSize + 16

// SealEvent seals an event's data and hashes the whole. The sealed data takes the place of into, when it has room.
func (k Key) SealEvent(into []byte, connection string, ev *eventstore.NewEvent) Sealed {
	held, _ := scratch.Get().(*[]byte)
	defer scratch.Put(held)
	key := k.EventKey(ev.ID)
	b := appendAAD((*held)[:macPad], connection, ev)
	aad := b[macPad:]
	b = append(b, ev.Data...)
	nonce := macOver(b, &key)
	data := append(into[:0], nonce[:nonceSize]...)
	data = newAEAD(key).Seal(data, data, ev.Data, aad)
	s := Sealed{Data: data, KeyHash: sha256.Sum256(key[:])}
	b = appendHashed(b[:0], connection, ev, data, s.KeyHash)
	s.Hash = sha256.Sum256(b)
	*held = b
	return s
}

// scratch lends the room to lay out what is hashed.
var scratch = sync.Pool{New: func() any { return new(make([]byte, macPad, 4096)) }}

// OpenEvent returns the data that was sealed, never nil, in the place of the sealed bytes.
func (k Key) OpenEvent(ev *eventstore.Event, sealed []byte) ([]byte, error) {
	if len(sealed) < nonceSize {
		return nil, errOpen
	}
	like := eventstore.NewEvent{
		ID: ev.ID, Stream: ev.Stream, Type: ev.Type, Schema: ev.Schema, Subject: ev.Subject,
	}
	held, _ := scratch.Get().(*[]byte)
	defer scratch.Put(held)
	*held = appendAAD((*held)[:0], ev.Connection, &like)
	return open(sealed[nonceSize:nonceSize], k.EventKey(ev.ID), sealed, *held)
}

// SealRow encrypts a value of a projection, bound to subject and purpose. The nonce is random: such a key seals many
// values.
func (k Key) SealRow(subject, purpose string, plain []byte) []byte {
	sealed := make([]byte, nonceSize, nonceSize+len(plain)+16)
	_, _ = rand.Read(sealed)
	return newAEAD(k.expand("row", []byte(purpose))).Seal(sealed, sealed, plain, appendField(nil, subject))
}

// OpenRow reverses SealRow.
func (k Key) OpenRow(subject, purpose string, sealed []byte) ([]byte, error) {
	return open([]byte{}, k.expand("row", []byte(purpose)), sealed, appendField(nil, subject))
}

func open(into []byte, key [32]byte, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < nonceSize {
		return nil, errOpen
	}
	plain, err := newAEAD(key).Open(into, sealed[:nonceSize], sealed[nonceSize:], aad)
	if err != nil {
		return nil, errOpen
	}
	return plain, nil
}

func newAEAD(key [32]byte) cipher.AEAD {
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

// Derive gives 32 bytes for one use of a connection's secret.
func Derive(secret []byte, name string) []byte {
	out, err := hkdf.Key(sha256.New, secret, nil, "secret:"+name, 32)
	if err != nil {
		panic(err) // only for lengths beyond 255 hashes
	}
	return out
}

// Blind makes the token by which a value is found again: the first half of its HMAC-SHA-256.
func Blind(key *[32]byte, kind, value string) []byte {
	held, _ := scratch.Get().(*[]byte)
	defer scratch.Put(held)
	*held = appendField(appendField((*held)[:macPad], kind), value)
	mac := macOver(*held, key)
	return mac[:blindSize:blindSize]
}

const blindSize = 16
