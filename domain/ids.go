package domain

import (
	"crypto/sha256"
	"strconv"

	"github.com/oklog/ulid/v2"
)

// DeriveID returns the id that follows from an input: the input's 48-bit time and the first 80 bits of
// SHA-256(input id ‖ kind ‖ system ‖ ordinal). The same input always gives the same id, so a decision, its commands
// and a new contact have the same ids however often they are worked out.
func DeriveID(input ulid.ULID, kind string, system System, ordinal int) ulid.ULID {
	var room [192]byte
	b := append(append(append(room[:ulid.EncodedSize], 0), kind...), 0)
	_ = input.MarshalTextTo(b[:ulid.EncodedSize]) // there is room
	sum := sha256.Sum256(strconv.AppendInt(append(append(b, system...), 0), int64(ordinal), 10))
	var id ulid.ULID
	copy(id[:6], input[:6])
	copy(id[6:], sum[:10])
	return id
}
