package domain

import (
	"crypto/sha256"
	"fmt"

	"github.com/oklog/ulid/v2"
)

// DeriveID returns the id that follows from an input: the input's 48-bit time and the first 80 bits of
// SHA-256(input id ‖ kind ‖ system ‖ ordinal). The same input always gives the same id, so a decision, its commands
// and a new contact have the same ids however often they are worked out.
func DeriveID(input ulid.ULID, kind string, system System, ordinal int) ulid.ULID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", input, kind, system, ordinal))
	var id ulid.ULID
	copy(id[:6], input[:6])
	copy(id[6:], sum[:10])
	return id
}
