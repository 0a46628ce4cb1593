package export

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"
)

// stored is an event as it lies in the log. What is worked out of it here follows the format's description in
// eventstore/internal/envelope and eventstore/treehead, on purpose not their code.
type stored struct {
	connection                                          string
	position, schema, occurredAt, recordedAt, causation int64
	id                                                  ulid.ULID
	stream, typ, actor, subject                         string
	sealed, keyHash                                     []byte
}

func text(b []byte, s string) []byte { return raw(b, []byte(s)) }

func raw(b, v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

func num(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(n))
}

// hash is the event's.
func (s *stored) hash() [sha256.Size]byte {
	b := text([]byte("duolog event 1\n"), s.connection)
	b = text(text(raw(b, s.id[:]), s.stream), s.typ)
	b = num(num(b, s.schema), s.occurredAt)
	b = num(text(b, s.actor), s.causation)
	b = raw(raw(text(b, s.subject), s.sealed), s.keyHash)
	return sha256.Sum256(b)
}

// leaf is the event's in the Merkle tree.
func (s *stored) leaf() tlog.Hash {
	b := binary.BigEndian.AppendUint64([]byte{0}, uint64(s.position))
	b = binary.BigEndian.AppendUint64(b, uint64(s.recordedAt))
	hash := s.hash()
	return sha256.Sum256(append(b, hash[:]...))
}

var errKey = errors.New("the key does not open the event")

const nonceSize = 12

// open decrypts the event's data with its key.
func (s *stored) open(key []byte) ([]byte, error) {
	if len(key) != 32 || len(s.sealed) < nonceSize {
		return nil, errKey
	}
	aad := text(raw(text(nil, s.connection), s.id[:]), s.stream)
	aad = text(num(text(aad, s.typ), s.schema), s.subject)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errKey
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, errKey
	}
	plain, err := aead.Open(nil, s.sealed[:nonceSize], s.sealed[nonceSize:], aad)
	if err != nil {
		return nil, errKey
	}
	return plain, nil
}
