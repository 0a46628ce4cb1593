package eventstore

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// storedRow is a row of the event table, as it lies there.
type storedRow struct {
	position, schema, occurredAt, recordedAt, causation int64
	stream, typ, actor, subject                         string
	id, data, keyHash, hash                             []byte
}

func scanRow(r Rows) (e storedRow, err error) {
	return e, r.Scan(&e.position, &e.id, &e.stream, &e.typ, &e.schema, &e.occurredAt, &e.recordedAt, &e.actor,
		&e.causation, &e.subject, &e.data, &e.keyHash, &e.hash)
}

// sum works out the hash of a row by the format's description, on purpose not by the writer's code: a fault there
// must not hide itself here.
func (e *storedRow) sum(connection string) [sha256.Size]byte {
	h := sha256.New()
	_, _ = io.WriteString(h, "duolog event 1\n")
	writeField(h, []byte(connection))
	writeField(h, e.id)
	writeField(h, []byte(e.stream))
	writeField(h, []byte(e.typ))
	writeField(h, be64(e.schema))
	writeField(h, be64(e.occurredAt))
	writeField(h, []byte(e.actor))
	writeField(h, be64(e.causation))
	writeField(h, []byte(e.subject))
	writeField(h, e.data)
	writeField(h, e.keyHash)
	return [sha256.Size]byte(h.Sum(nil))
}

// leaf is the event's in the Merkle tree: RFC 6962's hash of position, recording time and event hash.
func (e *storedRow) leaf(sum [sha256.Size]byte) tlog.Hash {
	b := make([]byte, 0, 1+8+8+sha256.Size)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(e.position))
	b = binary.BigEndian.AppendUint64(b, uint64(e.recordedAt))
	return sha256.Sum256(append(b, sum[:]...))
}

func writeField(h hash.Hash, value []byte) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(value)))
	h.Write(length[:])
	h.Write(value)
}

func be64(n int64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return b[:]
}
