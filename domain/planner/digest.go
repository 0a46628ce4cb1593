package planner

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// Digester makes the keyed digests by which values are compared without being stored: HMAC-SHA-256 over field and
// canonical value, 64 bits, as hex.
type Digester struct{ *digester }

type digester struct {
	mac  hash.Hash
	text []byte
	sum  [sha256.Size]byte
	// The last one made: both sides of a field mostly hold the same.
	field, canonical, last string
}

// NewDigester makes a digester under a connection's secret. It is not safe for concurrent use.
func NewDigester(secret []byte) Digester {
	return Digester{&digester{mac: hmac.New(sha256.New, secret)}}
}

// Of returns the digest of a field's canonical value.
func (d Digester) Of(field, canonical string) string {
	if d.last != "" && d.field == field && d.canonical == canonical {
		return d.last
	}
	d.text = append(append(append(d.text[:0], field...), 0), canonical...)
	d.mac.Reset()
	d.mac.Write(d.text)
	var short [16]byte
	hex.Encode(short[:], d.mac.Sum(d.sum[:0])[:8])
	d.field, d.canonical, d.last = field, canonical, string(short[:])
	return d.last
}
