package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shape is the JSON type of a decoded value.
type shape int

const (
	shapeNone shape = iota
	shapeString
	shapeNumber
	shapeBool
	shapeList
)

// scalar is a decoded raw value: its text without the marks around it, or the texts of a list.
type scalar struct {
	shape shape
	text  string
	list  []string
}

func (v scalar) blank() bool {
	return v.shape == shapeNone || v.shape != shapeList && v.text == ""
}

var (
	errNotJSON = errors.New("is not JSON")
	errNested  = errors.New("is an object or nested list, not a single value")
)

// decode reads a raw value. A number keeps its literal text, so no digit is lost to a float.
func decode(raw json.RawMessage) (scalar, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return scalar{}, nil
	}
	if text, ok := plainText(raw); ok {
		return scalar{shape: shapeString, text: trim(text)}, nil
	}
	if !json.Valid(raw) {
		return scalar{}, errNotJSON
	}
	switch raw[0] {
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return scalar{}, errNotJSON
		}
		return scalar{shape: shapeString, text: trim(s)}, nil
	case 't', 'f':
		return scalar{shape: shapeBool, text: string(raw)}, nil
	case '[':
		return decodeList(raw)
	case '{':
		return scalar{}, errNested
	}
	return scalar{shape: shapeNumber, text: string(raw)}, nil
}

// plainText reads a JSON string without escapes, as nearly all are, in a fraction of the time.
func plainText(raw []byte) (string, bool) {
	n := len(raw) - 1
	if n < 1 || raw[0] != '"' || raw[n] != '"' || !utf8.Valid(raw) {
		return "", false
	}
	for _, c := range raw[1:n] {
		if c < ' ' || c == '"' || c == '\\' {
			return "", false
		}
	}
	return string(raw[1:n]), true
}

func decodeList(raw json.RawMessage) (scalar, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return scalar{}, errNotJSON
	}
	v := scalar{shape: shapeList}
	for _, item := range items {
		one, err := decode(item)
		if err != nil || one.shape == shapeList {
			return scalar{}, errNested
		}
		v.list = append(v.list, one.text)
	}
	return v, nil
}

// single refuses lists for a type that holds one value.
func (v scalar) single(t Type) (string, error) {
	if v.shape == shapeList {
		return "", invalid(t, "is a list, not a single value")
	}
	return v.text, nil
}

// readText keeps the inside of a text as it is, joiners and composed letters included: what looks invisible may be
// part of an emoji or of a Persian name. Only the ends are cleaned, by decode.
func readText(v scalar, _ Format) (string, error) { return v.single(Text) }

// trim removes white space and invisible marks from both ends.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == 0 || isMark(r) })
}

// isMark tells direction marks, zero-width spaces and byte order marks: what copying from a web page leaves behind.
func isMark(r rune) bool {
	switch {
	case r == '\u200b', r == '\u200e', r == '\u200f', r == '\u2060', r == '\ufeff':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

// stripFormat removes every invisible format character (category Cf), for values that are ASCII at heart.
func stripFormat(s string) string {
	return trim(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s))
}

// quote returns s as a JSON string without escaping for HTML.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// A string always encodes.
	_ = enc.Encode(s)
	return bytes.TrimRight(b.Bytes(), "\n")
}

// Scalar returns the text of a raw value that holds a single one, trimmed; "" when it is blank or holds no text.
func Scalar(raw json.RawMessage) string {
	v, err := decode(raw)
	if err != nil {
		return ""
	}
	return v.text
}
