package contacts

import (
	"encoding/binary"
	"errors"
)

// How a record's values are sealed in its row: numbers as varints, texts with their length in front. It is a fraction of
// the size of JSON, and of the time.

// bodyVersion is the first byte of a record's sealed body; rows of fold 1 hold a JSON object instead.
const bodyVersion = 1

// keySize is the size of a blind key.
const keySize = 16

var errEncoding = errors.New("a row is not encoded as it should be")

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendValues(b []byte, values byName[value]) []byte {
	b = binary.AppendUvarint(b, uint64(len(values)))
	for _, n := range values {
		b = appendText(appendText(b, n.name), n.v.Value)
		b = binary.AppendVarint(b, n.v.Position)
		b = binary.AppendVarint(b, n.v.Occurred)
		b = binary.AppendVarint(b, n.v.Clock-n.v.Occurred)
		b = appendText(b, n.v.By)
	}
	return b
}

func appendKeys(b []byte, keys []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, key := range keys {
		b = append(b, key...)
	}
	return b
}

func appendBody(b []byte, values byName[value], keys []string) []byte {
	return appendKeys(appendValues(append(b, bodyVersion), values), keys)
}

// decoder reads what was encoded. Texts that come again and again are kept once; others share the bytes read.
type decoder struct {
	b     []byte
	bad   bool
	known map[string]string
}

// maxKnown bounds the texts kept: a system may have as many properties as it likes.
const maxKnown = 10_000

func newDecoder() *decoder { return &decoder{known: map[string]string{}} }

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

// count is the number of things that follow, each of at least a byte.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.fail()
		return nil
	}
	got := d.b[:n:n]
	d.b = d.b[n:]
	return got
}

func (d *decoder) bytes() []byte { return d.take(d.count()) }

func (d *decoder) text() string { return string(d.bytes()) }

// word is a text that others have too.
func (d *decoder) word() string {
	b := d.bytes()
	if len(b) == 0 {
		return ""
	}
	s, ok := d.known[string(b)]
	if !ok {
		if len(d.known) >= maxKnown {
			clear(d.known)
		}
		s = string(b)
		d.known[s] = s
	}
	return s
}

func (d *decoder) values() byName[value] {
	n := d.count()
	values := make(byName[value], n, n+2)
	for i := range values {
		v := &values[i]
		v.name, v.v.Value = d.word(), d.bytes()
		v.v.Position, v.v.Occurred = d.int(), d.int()
		v.v.Clock, v.v.By = v.v.Occurred+d.int(), d.word()
	}
	return values
}

func (d *decoder) keys() []string {
	n := d.count()
	all := string(d.take(keySize * n))
	if all == "" {
		return nil
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = all[keySize*i : keySize*(i+1)]
	}
	return keys
}

// body reads a record's sealed body.
func (d *decoder) body(plain []byte) (values byName[value], keys []string, err error) {
	if len(plain) > 0 && plain[0] == '{' {
		return oldBody(plain)
	}
	d.b, d.bad = plain, false
	if v := d.take(1); len(v) != 1 || v[0] != bodyVersion {
		return nil, nil, errEncoding
	}
	values, keys = d.values(), d.keys()
	return values, keys, d.end()
}

func (d *decoder) end() error {
	if d.bad || len(d.b) > 0 {
		return errEncoding
	}
	return nil
}
