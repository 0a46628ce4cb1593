package eventstore

import (
	"crypto/sha256"

	"github.com/oklog/ulid/v2"
)

// idTail is how many bytes of an id follow its time.
const idTail = 10

// KeyedID is an event id with its random part made of the dedupe key the event goes by. The hash of an event covers its
// id and not its key, so that is what ties the two: a key that was put to another event is found.
func KeyedID(id ulid.ULID, key []byte) ulid.ULID {
	tail := keyTail(key)
	copy(id[len(id)-idTail:], tail[:])
	return id
}

// keyTail is what an id made for a dedupe key ends in.
func keyTail(key []byte) [idTail]byte {
	sum := sha256.Sum256(append([]byte("duolog dedupe key 1\n"), key...))
	return [idTail]byte(sum[:])
}
