package planner

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// Digester makes the keyed digests by which values are compared without being stored: HMAC-SHA-256 over field and
// canonical value, 64 bits, as hex.
type Digester struct{ mac hash.Hash }

// NewDigester makes a digester under a connection's secret. It is not safe for concurrent use.
func NewDigester(secret []byte) Digester { return Digester{mac: hmac.New(sha256.New, secret)} }

// Of returns the digest of a field's canonical value.
func (d Digester) Of(field, canonical string) string {
	d.mac.Reset()
	d.mac.Write([]byte(field))
	d.mac.Write([]byte{0})
	d.mac.Write([]byte(canonical))
	return hex.EncodeToString(d.mac.Sum(nil)[:8])
}
