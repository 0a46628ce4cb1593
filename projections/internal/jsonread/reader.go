// Package jsonread reads the payloads of events several times faster than encoding/json does, as long as they look
// like what encoding/json writes. It never reads anything else than encoding/json would: at whatever it does not know,
// a key that differs only in case, a repeated key, an escape in a name, a number that is no integer, a mistake, it
// gives up, and the caller reads again with encoding/json, which has the last word on errors too.
package jsonread

import "unicode/utf8"

// maxDepth bounds how deep values may lie in each other.
const maxDepth = 64

// Reader reads one JSON value. Each key of Fields and each turn of Elements must be followed by exactly one call that
// reads a value. Once it gave up, nothing it returns counts.
type Reader struct {
	b     []byte
	at    int
	depth int
	bad   bool
}

// New reads from b, which the bytes returned are part of.
func New(b []byte) *Reader { return &Reader{b: b} }

// GiveUp makes Done report false.
func (r *Reader) GiveUp() { r.bad, r.at = true, len(r.b) }

// Done reports that the value was read whole, and nothing stands behind it.
func (r *Reader) Done() bool { return !r.bad && r.peek() == 0 && r.at == len(r.b) }

// peek is the next byte that is no space, 0 at the end.
func (r *Reader) peek() byte {
	for r.at < len(r.b) {
		c := r.b[r.at]
		if c > ' ' || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
		r.at++
	}
	return 0
}

func (r *Reader) take(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

// Null reads a null, if there is one.
func (r *Reader) Null() bool {
	if r.peek() != 'n' {
		return false
	}
	r.word("null")
	return true
}

func (r *Reader) word(w string) {
	if len(r.b)-r.at < len(w) || string(r.b[r.at:r.at+len(w)]) != w {
		r.GiveUp()
		return
	}
	r.at += len(w)
}

// Fields goes through an object's keys; a null has none.
func (r *Reader) Fields() func(yield func(key []byte) bool) {
	return func(yield func(key []byte) bool) {
		if r.Null() || !r.open('{') {
			return
		}
		for first := true; ; first = false {
			if r.take('}') {
				r.depth--
				return
			}
			if !first && !r.take(',') {
				break
			}
			key := r.Text()
			if !r.take(':') || r.bad || !yield(key) {
				break
			}
		}
		r.GiveUp()
	}
}

// Elements goes through an array; a null has none.
func (r *Reader) Elements() func(yield func() bool) {
	return func(yield func() bool) {
		if r.Null() || !r.open('[') {
			return
		}
		for first := true; ; first = false {
			if r.take(']') {
				r.depth--
				return
			}
			if !first && !r.take(',') || r.bad || !yield() {
				break
			}
		}
		r.GiveUp()
	}
}

func (r *Reader) open(c byte) bool {
	r.depth++
	if r.depth > maxDepth || !r.take(c) {
		r.GiveUp()
		return false
	}
	return true
}

// plainText are the bytes that go on with a string, and are ASCII.
var plainText = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// Text reads a string that holds no escape.
func (r *Reader) Text() []byte {
	if !r.take('"') {
		r.GiveUp()
		return nil
	}
	ascii := true
	for i := r.at; i < len(r.b); i++ {
		switch c := r.b[i]; {
		case plainText[c]:
		case c == '"':
			text := r.b[r.at:i:i]
			r.at = i + 1
			if !ascii && !utf8.Valid(text) { // encoding/json would replace what is wrong
				r.GiveUp()
				return nil
			}
			return text
		case c == '\\' || c < ' ':
			r.GiveUp()
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.GiveUp()
	return nil
}

// String is Text, or "" for a null.
func (r *Reader) String() string {
	if r.Null() {
		return ""
	}
	return string(r.Text())
}

// Int reads an integer; 0 for a null.
func (r *Reader) Int() int64 {
	if r.Null() {
		return 0
	}
	negative := r.take('-')
	begin, n := r.at, int64(0)
	for r.at < len(r.b) && r.b[r.at] >= '0' && r.b[r.at] <= '9' {
		n = n*10 + int64(r.b[r.at]-'0')
		r.at++
	}
	digits := r.at - begin
	if digits == 0 || digits > 18 || digits > 1 && r.b[begin] == '0' || r.inNumber() {
		r.GiveUp()
	}
	if negative {
		return -n
	}
	return n
}

// inNumber reports that a number goes on.
func (r *Reader) inNumber() bool {
	if r.at == len(r.b) {
		return false
	}
	switch r.b[r.at] {
	case '.', 'e', 'E', '+', '-':
		return true
	}
	return false
}

// Bool reads a truth value; false for a null.
func (r *Reader) Bool() bool {
	switch r.peek() {
	case 't':
		r.word("true")
		return true
	case 'f':
		r.word("false")
	default:
		if !r.Null() {
			r.GiveUp()
		}
	}
	return false
}

// Unknown passes by the value of a key the caller does not know. A key that encoding/json could take for one of
// another case is for it to read.
func (r *Reader) Unknown(key []byte) {
	for _, c := range key {
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			r.GiveUp()
			return
		}
	}
	r.Raw()
}

// Once notes that a key was read, number bit of the caller's; a key that comes twice is for encoding/json.
func (r *Reader) Once(seen *uint32, bit int) {
	if *seen&(1<<bit) != 0 {
		r.GiveUp()
	}
	*seen |= 1 << bit
}
