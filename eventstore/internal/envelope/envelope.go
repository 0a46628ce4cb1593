// Package envelope is the stored form of an event: what may stand in it, how its data is sealed, and its hash.
//
// Format, for ever (testdata holds samples that must decode):
//
//	prk        = HKDF-Extract(SHA-256, salt none, subject key)
//	event key  = HKDF-Expand(SHA-256, prk, "event:" ‖ id, 32)
//	aad        = fields(connection, id, stream, type, schema, subject)
//	nonce      = first 12 bytes of HMAC-SHA-256(event key, aad ‖ data)
//	sealed     = nonce ‖ AES-256-GCM(event key, nonce, data, aad)
//	hash       = SHA-256("duolog event 1\n" ‖ fields(connection, id, stream, type, schema, occurred_at, actor,
//	             causation, subject) ‖ fields(sealed, SHA-256(event key)))
//	row key    = HKDF-Expand(SHA-256, prk, "row:" ‖ purpose, 32)
//	row        = nonce ‖ AES-256-GCM(row key, nonce, value, fields(subject)), with a random nonce
//
// where fields writes each value with its length in front as 4 bytes big-endian; numbers are 8 bytes big-endian and
// ids their 16 bytes. The hash covers only what the caller knows: position and recorded_at exist only once the head
// is locked, and are bound by the Merkle leaf. An occurred_at of 0 ("when it was recorded") is hashed and stored as
// 0, so that an event has one hash however often it is appended; readers substitute recorded_at.
//
// The nonce is synthetic, made from what is sealed, so that sealing an event twice gives the same bytes: that is how
// the store tells a harmless repetition from an id used again for other content. A key seals one event only, so equal
// bytes betray nothing but that repetition.
package envelope

import (
	"encoding/binary"

	"github.com/duolog/duolog/eventstore"
)

const hashLabel = "duolog event 1\n"

// Sealed is the stored secret part of an event.
type Sealed struct {
	Data    []byte // nonce and ciphertext
	KeyHash [32]byte
	Hash    [32]byte
}

func appendField[T string | []byte](b []byte, v T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
	return append(b, v...)
}

func appendNumber(b []byte, n int64) []byte {
	b = binary.BigEndian.AppendUint32(b, 8)
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

func appendAAD(b []byte, connection string, ev *eventstore.NewEvent) []byte {
	b = appendField(b, connection)
	b = appendField(b, ev.ID[:])
	b = appendField(b, ev.Stream)
	b = appendField(b, ev.Type)
	b = appendNumber(b, int64(ev.Schema))
	return appendField(b, ev.Subject)
}

// appendHashed lays out what an event's hash covers.
func appendHashed(b []byte, connection string, ev *eventstore.NewEvent, data []byte, keyHash [32]byte) []byte {
	b = append(b, hashLabel...)
	b = appendField(b, connection)
	b = appendField(b, ev.ID[:])
	b = appendField(b, ev.Stream)
	b = appendField(b, ev.Type)
	b = appendNumber(b, int64(ev.Schema))
	b = appendNumber(b, ev.OccurredAt)
	b = appendField(b, ev.Actor)
	b = appendNumber(b, ev.Causation)
	b = appendField(b, ev.Subject)
	b = appendField(b, data)
	return appendField(b, keyHash[:])
}
